package archive

import (
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// overhead is what AWS counts for an event beside its bytes.
const overhead = 26

// Event is one line. Time and Ingested are milliseconds since 1970.
type Event struct {
	Time, Ingested, ID int64
	Stream, Message    string
}

// Position is a place among events, which are in order of time and, at the same
// time, of arrival.
type Position struct{ Time, ID int64 }

// Append adds events to a stream. With make a stream that is not there is made;
// a cursor that is not nil is kept with the stream, in the same commit: who
// reads it back goes on exactly after these events.
func (a *Archive) Append(group, name string, events []Event, cursor []byte, makeStream bool, now time.Time) error {
	return a.write(func(tx *sql.Tx) error {
		s, err := stream(tx, group, name)
		if errors.Is(err, ErrNoStream) && makeStream {
			if err := create(tx, group, name, now); err != nil {
				return err
			}
			s, err = stream(tx, group, name)
		}
		if err != nil {
			return err
		}
		insert, err := tx.Prepare(`INSERT INTO event (grp, ts, id, stream, ingested, message) VALUES (?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, e := range events {
			if _, err := insert.Exec(s.group, e.Time, a.last.Add(1), s.id, millis(now), e.Message); err != nil {
				return err
			}
			if s.First < 0 || e.Time < s.First {
				s.First = e.Time
			}
			s.Last = max(s.Last, e.Time)
			s.Bytes += int64(len(e.Message)) + overhead
		}
		if len(events) > 0 {
			s.Ingested = millis(now)
		}
		if cursor == nil {
			cursor = s.Cursor
		}
		_, err = tx.Exec(`UPDATE stream SET first = nullif(?, -1), last = nullif(?, -1), ingested = nullif(?, -1), bytes = ?, cursor = ? WHERE id = ?`, s.First, s.Last, s.Ingested, s.Bytes, cursor, s.id)
		return err
	})
}

// Query asks for events of a group, or of one stream of it.
type Query struct {
	Group string
	// Stream is a stream's name; "" is all of the group's.
	Stream string
	// From and To bound the time, the first included, the second not; 0 is no bound.
	From, To int64
	// After and Before are where an earlier page ended; nil is none.
	After, Before *Position
	// Backward gives the last events instead of the first; they come in order
	// all the same.
	Backward bool
	Limit    int
}

// Events are what a query asks for, in order.
func (a *Archive) Events(q Query) ([]Event, error) {
	query := `SELECT e.ts, e.ingested, e.id, s.name, e.message FROM event e JOIN stream s ON s.id = e.stream WHERE `
	var args []any
	if q.Stream != "" {
		s, err := a.Stream(q.Group, q.Stream)
		if err != nil {
			return nil, err
		}
		query += `e.stream = ?`
		args = append(args, s.id)
	} else {
		query += `e.grp = (SELECT id FROM grp WHERE key = ?)`
		args = append(args, q.Group)
	}
	bound := func(text string, values ...any) { query, args = query+text, append(args, values...) }
	if q.From > 0 {
		bound(` AND e.ts >= ?`, q.From)
	}
	if q.To > 0 {
		bound(` AND e.ts < ?`, q.To)
	}
	if q.After != nil {
		bound(` AND (e.ts, e.id) > (?, ?)`, q.After.Time, q.After.ID)
	}
	if q.Before != nil {
		bound(` AND (e.ts, e.id) < (?, ?)`, q.Before.Time, q.Before.ID)
	}
	order := ` ORDER BY e.ts, e.id LIMIT ?`
	if q.Backward {
		order = ` ORDER BY e.ts DESC, e.id DESC LIMIT ?`
	}
	rows, err := a.db.Query(query+order, append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	defer rows.Close()
	var list []Event
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.Time, &e.Ingested, &e.ID, &e.Stream, &e.Message); err != nil {
			return nil, fmt.Errorf("reading events: %w", err)
		}
		list = append(list, e)
	}
	if q.Backward {
		for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}
	return list, rows.Err()
}

// Expire removes a group's events from before a time.
func (a *Archive) Expire(group string, before time.Time) error {
	return a.write(func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRow(`SELECT id FROM grp WHERE key = ?`, group).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		res, err := tx.Exec(`DELETE FROM event WHERE grp = ? AND ts < ?`, id, millis(before))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(`UPDATE stream SET (first, bytes) = (SELECT min(ts), coalesce(sum(length(CAST(message AS BLOB)) + ?), 0) FROM event e WHERE e.stream = stream.id) WHERE grp = ?`, overhead, id)
		return err
	})
}
