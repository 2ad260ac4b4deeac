//go:build !linux

package engine

// unmapProgram does nothing: the kernel's own judgement is left alone.
func unmapProgram() error { return nil }
