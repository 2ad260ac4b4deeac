// Package travis reads a .travis.yml: which stages and jobs it has, their
// variables, phases and conditions, and which of the jobs a build of a tag or a
// branch runs. Whatever Travis CI would do and a run on one machine cannot is a
// problem with its line and column, found before anything runs.
//
// It reads and decides; it runs nothing. internal/pipeline/runner runs what it
// selects.
//
// Sources: docs.travis-ci.com/user/job-lifecycle, /build-stages, /build-matrix,
// /conditions-v1, /environment-variables, /deployment/script.
package travis
