package archive

import (
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Errors of streams.
var (
	ErrNoStream = errors.New("no such stream")
	ErrExists   = errors.New("the stream exists")
)

// Stream is what is known of one. Times are milliseconds; -1 is none.
type Stream struct {
	Name                                  string
	Created, First, Last, Ingested, Bytes int64
	Cursor                                []byte
	id, group                             int64
}

const streamColumns = `s.id, s.grp, s.name, s.created, coalesce(s.first, -1), coalesce(s.last, -1), coalesce(s.ingested, -1), s.bytes, s.cursor`

func scan(row interface{ Scan(...any) error }) (s Stream, err error) {
	err = row.Scan(&s.id, &s.group, &s.Name, &s.Created, &s.First, &s.Last, &s.Ingested, &s.Bytes, &s.Cursor)
	return s, err
}

// querier is what reads: the file or a transaction.
type querier interface{ QueryRow(string, ...any) *sql.Row }

func stream(q querier, group, name string) (Stream, error) {
	s, err := scan(q.QueryRow(`SELECT `+streamColumns+` FROM stream s JOIN grp g ON g.id = s.grp WHERE g.key = ? AND s.name = ?`, group, name))
	if errors.Is(err, sql.ErrNoRows) {
		return s, ErrNoStream
	}
	return s, err
}

// Stream is one stream of a group, or ErrNoStream.
func (a *Archive) Stream(group, name string) (Stream, error) { return stream(a.db, group, name) }

// Streams are a group's streams whose names begin with the prefix, by name.
func (a *Archive) Streams(group, prefix string) ([]Stream, error) {
	rows, err := a.db.Query(`SELECT `+streamColumns+` FROM stream s JOIN grp g ON g.id = s.grp
		WHERE g.key = ? AND substr(s.name, 1, length(?)) = ? ORDER BY s.name`, group, prefix, prefix)
	if err != nil {
		return nil, fmt.Errorf("reading streams: %w", err)
	}
	defer rows.Close()
	var list []Stream
	for rows.Next() {
		s, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("reading streams: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Create makes a stream; ErrExists where there is one.
func (a *Archive) Create(group, name string, now time.Time) error {
	return a.write(func(tx *sql.Tx) error { return create(tx, group, name, now) })
}

func create(tx *sql.Tx, group, name string, now time.Time) error {
	if _, err := tx.Exec(`INSERT OR IGNORE INTO grp (key) VALUES (?)`, group); err != nil {
		return err
	}
	res, err := tx.Exec(`INSERT OR IGNORE INTO stream (grp, name, created) SELECT id, ?, ? FROM grp WHERE key = ?`, name, millis(now), group)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrExists)
	}
	return nil
}

// Delete removes a stream with its events.
func (a *Archive) Delete(group, name string) error {
	return a.write(func(tx *sql.Tx) error {
		s, err := stream(tx, group, name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM event WHERE stream = ?`, s.id); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM stream WHERE id = ?`, s.id)
		return err
	})
}

// DeleteGroup removes a group's streams and events.
func (a *Archive) DeleteGroup(group string) error {
	return a.write(func(tx *sql.Tx) error {
		for _, q := range []string{
			`DELETE FROM event WHERE grp = (SELECT id FROM grp WHERE key = ?)`,
			`DELETE FROM stream WHERE grp = (SELECT id FROM grp WHERE key = ?)`,
			`DELETE FROM grp WHERE key = ?`,
		} {
			if _, err := tx.Exec(q, group); err != nil {
				return err
			}
		}
		return nil
	})
}

// Oldest is the time of each group's first event, by its key; -1 where a group has
// none. Groups that never had a stream are not known here.
func (a *Archive) Oldest() (map[string]int64, error) {
	return a.numbers(`SELECT key, coalesce((SELECT min(ts) FROM event e WHERE e.grp = g.id), -1) FROM grp g`)
}

// Bytes is how much each group holds, by its key.
func (a *Archive) Bytes() (map[string]int64, error) {
	return a.numbers(`SELECT g.key, sum(s.bytes) FROM grp g JOIN stream s ON s.grp = g.id GROUP BY g.id`)
}

// numbers reads one for each group.
func (a *Archive) numbers(query string) (map[string]int64, error) {
	rows, err := a.db.Query(query)
	if err != nil {
		return nil, fmt.Errorf("reading log groups: %w", err)
	}
	defer rows.Close()
	list := map[string]int64{}
	for rows.Next() {
		var k string
		var n int64
		if err := rows.Scan(&k, &n); err != nil {
			return nil, fmt.Errorf("reading log groups: %w", err)
		}
		list[k] = n
	}
	return list, rows.Err()
}
