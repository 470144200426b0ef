//go:build !race

package world_test

// seedsOfCI is how many lives a change must pass.
const seedsOfCI = 2000
