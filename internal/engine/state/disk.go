package state

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// applicationID marks the database file as Slipway's, in SQLite's header.
const applicationID = 0x534c5057 // "SLPW"

// migrations bring a file from one schema version to the next; the version is
// SQLite's user_version. Append, never edit.
var migrations = []string{
	`CREATE TABLE rows (
		tbl TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, key TEXT NOT NULL,
		value TEXT NOT NULL,
		PRIMARY KEY (tbl, account, region, key)
	) WITHOUT ROWID`,
}

// ErrInUse is Open's error when another engine works on the folder.
var ErrInUse = errors.New("another engine uses this data folder")

// ErrNewer is Open's error when a newer Slipway wrote the file.
var ErrNewer = errors.New("the state was written by a newer version of slipway, use that one")

// ErrDamaged is Open's error when the file is not a sound database of ours. It
// is left as it is.
var ErrDamaged = errors.New("the state is damaged and was left as it is, restore it from a backup")

// disk is the durable side of a Store: one SQLite file, written by one
// connection.
type disk struct {
	lock *os.File
	file string
	db   *sql.DB
	put  *sql.Stmt
	del  *sql.Stmt
	wipe *sql.Stmt
	wal  *wal
}

func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	d := &disk{lock: lock, file: filepath.Join(dir, "state.db")}
	if err := d.open(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *disk) open() error {
	// SQLite would create the file with the process's umask.
	f, err := os.OpenFile(d.file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening state: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("opening state: %w", err)
	}
	// NORMAL: SQLite syncs when it moves the log's pages into the file; the log
	// itself is synced after every commit by wal.sync.
	d.db, err = sql.Open("sqlite", "file:"+d.file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=wal_autocheckpoint(4000)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("opening state: %w", err)
	}
	d.db.SetMaxOpenConns(1)
	if err := d.check(); err != nil {
		return err
	}
	if err := d.migrate(); err != nil {
		return err
	}
	if err := d.prepare(); err != nil {
		return err
	}
	d.wal, err = openWAL(d.file)
	return err
}

func (d *disk) check() error {
	var verdict string
	if err := d.db.QueryRow(`PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, d.file, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s: %s", ErrDamaged, d.file, verdict)
	}
	return nil
}

func (d *disk) migrate() error {
	var id, version int
	if err := errors.Join(d.db.QueryRow(`PRAGMA application_id`).Scan(&id), d.db.QueryRow(`PRAGMA user_version`).Scan(&version)); err != nil {
		return fmt.Errorf("opening state: %w", err)
	}
	if id != applicationID && (id != 0 || version != 0) {
		return fmt.Errorf("%w: %s is a database of another program", ErrDamaged, d.file)
	}
	if version > len(migrations) {
		return fmt.Errorf("%w: %s has schema version %d, this one knows up to %d", ErrNewer, d.file, version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		if err := d.step(version); err != nil {
			return fmt.Errorf("migrating state to version %d: %w", version+1, err)
		}
	}
	return nil
}

func (d *disk) step(version int) error {
	tx, err := d.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, q := range []string{migrations[version], fmt.Sprintf(`PRAGMA user_version = %d`, version+1), fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)} {
		if _, err := tx.Exec(q); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (d *disk) prepare() error {
	var errs [3]error
	d.put, errs[0] = d.db.Prepare(`INSERT INTO rows (tbl, account, region, key, value) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`)
	d.del, errs[1] = d.db.Prepare(`DELETE FROM rows WHERE tbl = ? AND account = ? AND region = ? AND key = ?`)
	d.wipe, errs[2] = d.db.Prepare(`DELETE FROM rows`) // with no WHERE SQLite drops pages and visits no row
	return errors.Join(errs[:]...)
}

// load reads all rows. A row of a table that this version does not have is an
// error: dropping it would lose it.
func (d *disk) load(tables []AnyTable) (snapshot, error) {
	known := byName(tables)
	all := snapshot{}
	rows, err := d.db.Query(`SELECT tbl, account, region, key, value FROM rows`)
	if err != nil {
		return nil, fmt.Errorf("reading state: %w", err)
	}
	defer rows.Close()
	var name, account, region, key string
	var value []byte
	for rows.Next() {
		if err := rows.Scan(&name, &account, &region, &key, &value); err != nil {
			return nil, fmt.Errorf("reading state: %w", err)
		}
		t := known[name]
		if t == nil {
			return nil, fmt.Errorf("%w: %s has rows of %q, which this one does not know", ErrNewer, d.file, name)
		}
		if err := t.load(all.at(t, Scope{account, region}), key, value); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, d.file, err)
		}
	}
	return all, rows.Err()
}

func (s snapshot) at(t AnyTable, scope Scope) shard {
	if s[t] == nil {
		s[t] = map[Scope]shard{}
	}
	if s[t][scope] == nil {
		s[t][scope] = t.empty()
	}
	return s[t][scope]
}

// write makes the commits durable as one transaction. Of a row that changed
// several times only the last change is written.
func (d *disk) write(batch []*commit) error {
	if d.wal.broken != nil {
		return d.wal.broken
	}
	if err := d.commit(batch); err != nil {
		return err
	}
	return d.wal.sync()
}

func (d *disk) commit(batch []*commit) error {
	tx, err := d.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	put, del := tx.Stmt(d.put), tx.Stmt(d.del)
	last := lastChanges(batch)
	for ci, c := range batch {
		if c.reset {
			if _, err := tx.Stmt(d.wipe).Exec(); err != nil {
				return err
			}
			continue // its changes are for those who watch
		}
		for i, ch := range c.changes {
			if l := last[ch.Change]; l != (place{ci, i}) {
				continue
			}
			k := ch.Change
			switch {
			case ch.row != nil:
				_, err = put.Exec(k.Table, k.Scope.Account, k.Scope.Region, k.Key, c.encoded[i])
			default:
				_, err = del.Exec(k.Table, k.Scope.Account, k.Scope.Region, k.Key)
			}
			if err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// place is where in a batch a change stands.
type place struct{ commit, change int }

func lastChanges(batch []*commit) map[Change]place {
	last := map[Change]place{}
	for ci, c := range batch {
		for i, ch := range c.changes {
			last[ch.Change] = place{ci, i}
		}
	}
	return last
}

// encode runs outside the store's lock: rows are immutable.
func (c *commit) encode() {
	c.encoded = make([][]byte, len(c.changes))
	for i, ch := range c.changes {
		if ch.row == nil {
			continue
		}
		b, err := json.Marshal(ch.row)
		if err != nil {
			panic(fmt.Sprintf("state: a row of %s cannot be encoded: %v", ch.Table, err))
		}
		c.encoded[i] = b
	}
}

func (d *disk) close() error {
	var errs []error
	if d.wal != nil {
		errs = append(errs, d.wal.file.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	return errors.Join(append(errs, d.lock.Close())...)
}
