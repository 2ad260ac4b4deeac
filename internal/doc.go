// Package internal holds the rooms of the house; its test says which may know
// which.
package internal
