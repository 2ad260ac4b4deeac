package ecs

import api "github.com/slipway-dev/slipway/internal/awsapi/ecs"

// Share is how many tasks a capacity provider gets.
type Share struct {
	Provider string
	Count    int
}

// Shares divides so many tasks over a strategy: first the base, then by weight,
// given how many each provider has already. Without a strategy there is one
// share for no provider (CapacityProviderStrategyItem).
func Shares(strategy []api.CapacityProviderStrategyItem, have map[string]int, count int) []Share {
	if len(strategy) == 0 {
		return []Share{{"", count}}
	}
	given := make([]int, len(strategy))
	for range count {
		given[next(strategy, have, given)]++
	}
	var all []Share
	for i, n := range given {
		if n > 0 {
			all = append(all, Share{*strategy[i].CapacityProvider, n})
		}
	}
	return all
}

// next is the item whose turn it is: one below its base, or else the one that is
// furthest behind its weight.
func next(strategy []api.CapacityProviderStrategyItem, have map[string]int, given []int) int {
	best, least := 0, -1.0
	for i, item := range strategy {
		n := have[*item.CapacityProvider] + given[i] - number(item.Base, 0)
		if n < 0 {
			return i
		}
		weight := number(item.Weight, 0)
		if weight == 0 {
			continue
		}
		if behind := float64(n+1) / float64(weight); least < 0 || behind < least {
			best, least = i, behind
		}
	}
	return best
}
