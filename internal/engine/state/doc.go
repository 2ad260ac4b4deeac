// Package state keeps everything the engine knows: typed tables in memory, every
// acknowledged write durable in SQLite before Update returns.
//
// A reader takes a View, an immutable snapshot of what is durable, and looks
// around in it for as long as it likes without a lock. A writer gives Update a
// function; writers run one after another, and those that arrive together share
// one commit. Controllers Watch tables and are told which rows changed.
//
// Rows are immutable once put: a writer that changes a row puts a changed copy
// and replaces, never edits, the slices and maps inside it. Services keep what
// was asked for and what was observed in separate fields of a row.
//
// Rows live in a [Scope], an account and a region; services whose resources are
// global (IAM) use an empty region.
//
// Called by the engine's services and controllers. It knows none of them.
package state
