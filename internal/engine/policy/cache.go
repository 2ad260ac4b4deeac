package policy

import "sync"

// Cache keeps parsed documents by their text, so that a policy which is stored
// as text is parsed once and not at every request. It may be used by many
// goroutines; the zero value is ready.
type Cache struct {
	mu   sync.RWMutex
	docs map[string]*Document
}

// cached is how many documents a Cache keeps before it starts anew. Forgetting
// them all is enough: what is in use comes back with the next request.
const cached = 4096

// Parse is like the function Parse, for a text that is already in use. What does
// not parse is not kept.
func (c *Cache) Parse(text string) (*Document, error) {
	c.mu.RLock()
	d := c.docs[text]
	c.mu.RUnlock()
	if d != nil {
		return d, nil
	}
	d, err := Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs == nil || len(c.docs) >= cached {
		c.docs = make(map[string]*Document)
	}
	c.docs[text] = d
	return d, nil
}
