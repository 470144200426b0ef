//go:build race

package world_test

// seedsOfCI is fewer with the race detector, which makes a life of SQLite in Go ten times as long. The search
// is for order and loss; it runs whole without the detector.
const seedsOfCI = 150
