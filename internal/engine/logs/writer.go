package logs

import (
	"errors"
	"time"

	api "github.com/slipway-dev/slipway/internal/awsapi/logs"
	"github.com/slipway-dev/slipway/internal/engine/ids"
	"github.com/slipway-dev/slipway/internal/engine/logs/archive"
	"github.com/slipway-dev/slipway/internal/engine/state"
)

// Line is one line that a container wrote.
type Line struct {
	At   time.Time
	Text string
}

// ErrGone is the error of writing to a stream whose group was deleted.
var ErrGone = errors.New("the log group is gone")

// OpenStream makes a container's stream, and its group where that is asked for.
// A stream that is there already is gone on with; with no name none is made. A
// group that is not there is the API's error.
func (s *Service) OpenStream(scope state.Scope, groupName, stream string, makeGroup bool) error {
	if makeGroup {
		err := s.env.Store.Update(func(tx *state.Tx) error {
			if !Groups.Has(tx, scope, groupName) {
				Groups.Put(tx, scope, &Group{Name: groupName, ID: ids.UUID(), Created: s.env.Now().UnixMilli(), Class: api.LogGroupClassStandard})
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	g, err := group(s.env.Store.View(), scope, &groupName)
	if err != nil {
		return err
	}
	if stream == "" {
		return nil
	}
	if err := s.archive.Create(g.ID, stream, s.env.Now()); !errors.Is(err, archive.ErrExists) {
		return err
	}
	return nil
}

// Write adds a container's lines to its stream; the cursor that comes with them
// is given back by Cursor, exactly if they are there.
func (s *Service) Write(scope state.Scope, groupName, stream string, lines []Line, cursor []byte) error {
	g, ok := Groups.Get(s.env.Store.View(), scope, groupName)
	if !ok {
		return ErrGone
	}
	events := make([]archive.Event, 0, len(lines))
	for _, l := range lines {
		if l.Text == "" {
			l.Text = " " // an event's message is never empty
		}
		events = append(events, archive.Event{Time: l.At.UnixMilli(), Message: l.Text})
	}
	return s.archive.Append(g.ID, stream, events, cursor, true, s.env.Now())
}

// Cursor is the one of the last Write to a stream; nil where there was none.
func (s *Service) Cursor(scope state.Scope, groupName, stream string) ([]byte, error) {
	g, ok := Groups.Get(s.env.Store.View(), scope, groupName)
	if !ok {
		return nil, ErrGone
	}
	st, err := s.archive.Stream(g.ID, stream)
	if errors.Is(err, archive.ErrNoStream) {
		return nil, nil
	}
	return st.Cursor, err
}
