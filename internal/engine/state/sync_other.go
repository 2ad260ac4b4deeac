//go:build !linux

package state

import "os"

// syncData returns when the file's content, and its length, are on the disk.
// On macOS Sync empties the drive's cache too.
func syncData(f *os.File) error { return f.Sync() }
