package secretsmanager

import "slices"

// The labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// mostStages is how many labels a secret has ("AWS Secrets Manager quotas").
const mostStages = 20

func staged(versions []Version, label string) *Version {
	i := slices.IndexFunc(versions, func(v Version) bool { return slices.Contains(v.Stages, label) })
	if i < 0 {
		return nil
	}
	return &versions[i]
}

// attach is the versions with the labels on the version with the id, and on no
// other. Where AWSCURRENT leaves a version, AWSPREVIOUS moves there
// (API reference, PutSecretValue and UpdateSecretVersionStage).
func attach(versions []Version, id string, labels ...string) []Version {
	if was := staged(versions, current); was != nil && was.ID != id && slices.Contains(labels, current) {
		versions = attach(detach(versions, current), was.ID, previous)
	}
	for _, l := range labels {
		if at := staged(versions, l); at != nil && at.ID == id {
			continue
		}
		versions = detach(versions, l)
		i := slices.IndexFunc(versions, func(v Version) bool { return v.ID == id })
		versions[i].Stages = append(slices.Clone(versions[i].Stages), l)
	}
	return versions
}

// detach is a copy of the versions where none has the label.
func detach(versions []Version, label string) []Version {
	versions = slices.Clone(versions)
	for i := range versions {
		if slices.Contains(versions[i].Stages, label) {
			versions[i].Stages = slices.DeleteFunc(slices.Clone(versions[i].Stages), func(l string) bool { return l == label })
		}
	}
	return versions
}

func countStages(versions []Version) (n int) {
	for _, v := range versions {
		n += len(v.Stages)
	}
	return n
}
