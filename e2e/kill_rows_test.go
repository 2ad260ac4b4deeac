package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// belongs are rows that one update writes together: a row of the table names one
// of the other by a member, and never stands without it.
var belongs = []struct{ table, member, other string }{
	{"elbv2.listener", "LoadBalancer", "elbv2.load-balancer"},
	{"elbv2.rule", "Listener", "elbv2.listener"},
	{"ec2.interface", "Attachment.Instance", "ec2.instance"},
	{"ec2.volume", "Mount.Instance", "ec2.instance"},
}

// carries are the other way round: every live instance has one of each.
var carries = []struct{ table, member string }{
	{"ec2.interface", "Attachment.Instance"},
	{"ec2.volume", "Mount.Instance"},
}

// noHalves reads the file as it is, beside the engine, and says what stands in
// it without what was written with it.
func noHalves(data string) error {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(data, "state.db")+"?mode=ro")
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := read(db)
	if err != nil {
		return err
	}
	for _, b := range belongs {
		for key, row := range rows[b.table] {
			if other := member(row, b.member); other != "" && rows[b.other][other] == nil {
				return fmt.Errorf("half-written: %s %s without its %s %s", b.table, key, b.other, other)
			}
		}
	}
	for _, c := range carries {
		has := map[string]bool{}
		for _, row := range rows[c.table] {
			has[member(row, c.member)] = true
		}
		for key, row := range rows["ec2.instance"] {
			if row["State"] == "running" && !has[key] {
				return fmt.Errorf("half-written: ec2.instance %s without its %s", key, c.table)
			}
		}
	}
	return nil
}

// read is the rows of one instant by table and key, decoded.
func read(db *sql.DB) (map[string]map[string]map[string]any, error) {
	rows, err := db.Query(`SELECT tbl, key, value FROM rows WHERE tbl IN ('elbv2.load-balancer', 'elbv2.listener', 'elbv2.rule', 'ec2.instance', 'ec2.interface', 'ec2.volume')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]map[string]map[string]any{}
	for rows.Next() {
		var table, key string
		var value []byte
		if err := rows.Scan(&table, &key, &value); err != nil {
			return nil, err
		}
		if all[table] == nil {
			all[table] = map[string]map[string]any{}
		}
		var row map[string]any
		if err := json.Unmarshal(value, &row); err != nil {
			return nil, fmt.Errorf("half-written: %s %s: %w", table, key, err)
		}
		all[table][key] = row
	}
	return all, rows.Err()
}

// member is the value under a path like "Mount.Instance", "" where there is none.
func member(row map[string]any, path string) string {
	var at any = row
	for name := range strings.SplitSeq(path, ".") {
		m, _ := at.(map[string]any)
		at = m[name]
	}
	s, _ := at.(string)
	return s
}
