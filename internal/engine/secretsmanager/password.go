package secretsmanager

import (
	"context"
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/slipway-dev/slipway/internal/awsapi"
	api "github.com/slipway-dev/slipway/internal/awsapi/secretsmanager"
	"github.com/slipway-dev/slipway/internal/engine/operation"
)

// The types of characters (API reference, GetRandomPassword).
const (
	lowercase   = "abcdefghijklmnopqrstuvwxyz"
	uppercase   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numbers     = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// GetRandomPassword makes a password; nothing remembers it.
func (s *Service) GetRandomPassword(_ context.Context, _ *operation.Caller, in *api.GetRandomPasswordRequest) (*api.GetRandomPasswordResponse, error) {
	length := 32
	if in.PasswordLength != nil {
		length = *in.PasswordLength
	}
	kinds, err := alphabets(in)
	if err != nil {
		return nil, err
	}
	var drawn []byte
	if in.RequireEachIncludedType == nil || *in.RequireEachIncludedType {
		if length < len(kinds) {
			return nil, api.InvalidParameterException("Password length is too short based on the required types.")
		}
		for _, k := range kinds {
			drawn = append(drawn, draw(k))
		}
	}
	all := strings.Join(kinds, "")
	for len(drawn) < length {
		drawn = append(drawn, draw(all))
	}
	shuffle(drawn)
	return &api.GetRandomPasswordResponse{RandomPassword: new(string(drawn))}, nil
}

// alphabets are the included types, without the excluded characters.
func alphabets(in *api.GetRandomPasswordRequest) ([]string, error) {
	var kinds []string
	for _, k := range []struct {
		included bool
		letters  string
	}{
		{!awsapi.V(in.ExcludeLowercase), lowercase},
		{!awsapi.V(in.ExcludeUppercase), uppercase},
		{!awsapi.V(in.ExcludeNumbers), numbers},
		{!awsapi.V(in.ExcludePunctuation), punctuation},
		{awsapi.V(in.IncludeSpace), " "},
	} {
		left := strings.Map(func(r rune) rune {
			if strings.ContainsRune(awsapi.V(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, k.letters)
		if k.included && left != "" {
			kinds = append(kinds, left)
		}
	}
	if len(kinds) == 0 {
		return nil, api.InvalidParameterException("The parameters exclude every character; a password needs at least one.")
	}
	return kinds, nil
}

func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return int(i.Int64())
}

func draw(letters string) byte { return letters[below(len(letters))] }

func shuffle(b []byte) {
	for i := len(b) - 1; i > 0; i-- {
		j := below(i + 1)
		b[i], b[j] = b[j], b[i]
	}
}
