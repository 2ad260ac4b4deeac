package state

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkUpdate is 32 writers that put two rows each, one of them new and as
// large as a task definition.
func BenchmarkUpdate(b *testing.B) {
	s, err := Open(b.TempDir(), pets, toys)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	kind := strings.Repeat("x", 1300)
	var n atomic.Int64
	b.SetParallelism(16) // of two processors
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			name := fmt.Sprintf("web:%d", n.Add(1))
			err := s.Update(func(tx *Tx) error {
				pets.Put(tx, here, &pet{Name: name, Kind: kind})
				toys.Put(tx, here, &pet{Name: "web"})
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
