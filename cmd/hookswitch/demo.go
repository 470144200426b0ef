package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookswitch/hookswitch/internal/world"
)

func demoCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "demo", Short: "Play calls on simulated vendors, and watch what they leave in Salesforce", Args: takes(0, 0), RunE: demonstrate,
		Long: `Play the calls of two playbooks against the real server, with Vapi and Salesforce simulated. No account and
no network are needed, and nothing is left behind.

Each scene ends with what must be true then: the words that were heard, the records that are there. After the
scenes everything stays up for requests of your own, until Ctrl-C. With --exit the scenes are played side by
side and the command ends. The exit code is 0 only if everything held.`,
	}
	c.Flags().Bool("exit", false, "end after the scenes")
	c.Flags().String("playbook", "", "only the scenes of this playbook")
	c.Flags().StringArray("scene", nil, "play a scene of your own, a txtar file, instead of those that ship")
	return c
}

func demonstrate(c *cobra.Command, _ []string) (err error) {
	exit, err := c.Flags().GetBool("exit")
	if err != nil {
		return err // unreachable: the command defines it, as those below
	}
	playbook, err := c.Flags().GetString("playbook")
	if err != nil {
		return err
	}
	files, err := c.Flags().GetStringArray("scene")
	if err != nil {
		return err
	}
	scenes, err := chosenScenes(files, playbook)
	if err != nil {
		return misuse{err}
	}
	dir, err := os.MkdirTemp("", "hookswitch-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{screen: newScreen(c.OutOrStdout()), dir: dir, books: newBookcase(), scenes: scenes, began: time.Now()}
	if exit {
		return d.sideBySide(c.Context())
	}
	return d.oneAfterTheOther(c.Context())
}

// chosenScenes are the given files, or those that ship, of one playbook or all.
func chosenScenes(files []string, playbook string) ([]world.Scene, error) {
	scenes, err := world.Scenes()
	if len(files) > 0 {
		scenes, err = nil, nil
	}
	for _, file := range files {
		text, e := os.ReadFile(file)
		if e != nil {
			return nil, fmt.Errorf("--scene: %w", e)
		}
		s, e := world.ParseScene(file, text)
		if e != nil {
			return nil, fmt.Errorf("--scene: %w", e)
		}
		scenes = append(scenes, s)
	}
	if err != nil || playbook == "" {
		return scenes, err
	}
	var books []string
	of := slices.DeleteFunc(slices.Clone(scenes), func(s world.Scene) bool {
		if !slices.Contains(books, s.Playbook) {
			books = append(books, s.Playbook)
		}
		return s.Playbook != playbook
	})
	if len(of) == 0 {
		return nil, fmt.Errorf("--playbook: no scene is of %q — there are scenes of %s", playbook, strings.Join(books, " and "))
	}
	return of, nil
}

// demo is one demonstration.
type demo struct {
	screen  *screen
	dir     string
	books   *bookcase
	scenes  []world.Scene
	results []world.Result
	began   time.Time
}

// Pauses for the reader: between scenes, and between moments that are told after the fact.
const (
	breath  = 1500 * time.Millisecond
	beat    = 90 * time.Millisecond
	stagger = 250 * time.Millisecond
)

// sideBySide plays each scene in a world of its own, all in the time of the longest, and tells one after the
// other.
func (d *demo) sideBySide(ctx context.Context) error {
	d.screen.title(len(d.scenes))
	reels := make([]*reel, len(d.scenes))
	for i, s := range d.scenes {
		reels[i] = newReel()
		go func() {
			defer reels[i].end()
			if wait(ctx, time.Duration(i)*stagger) {
				reels[i].result = d.inOwnWorld(ctx, s, reels[i])
			}
		}()
	}
	for i, r := range reels {
		if ctx.Err() == nil {
			d.tell(ctx, i, r)
		}
		<-r.ended
	}
	err := d.conclude(ctx)
	if err == nil {
		d.screen.next("Next", afterwards())
	}
	return err
}

// inOwnWorld plays a scene in a world that nobody else sees.
func (d *demo) inOwnWorld(ctx context.Context, s world.Scene, r *reel) (result world.Result) {
	dir, err := os.MkdirTemp(d.dir, "scene-")
	if err != nil {
		return world.Result{Faults: []error{err}}
	}
	w, err := d.newWorld(ctx, dir)
	if err != nil {
		return world.Result{Faults: []error{err}}
	}
	result = s.Perform(ctx, w, r.add)
	if err := closeWorld(ctx, w); err != nil {
		result.Faults = append(result.Faults, err)
	}
	return result
}

// oneAfterTheOther plays the scenes in one world, which stays open afterwards.
func (d *demo) oneAfterTheOther(ctx context.Context) (err error) {
	w, err := d.newWorld(ctx, d.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeWorld(ctx, w)) }()
	d.screen.title(len(d.scenes))
	for i, s := range d.scenes {
		if i > 0 && !wait(ctx, breath) {
			break
		}
		r := newReel()
		go func() {
			defer r.end()
			r.result = s.Perform(ctx, w, r.add)
		}()
		d.tell(ctx, i, r)
	}
	err = d.conclude(ctx)
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(err, d.stayOpen(ctx, w))
}

// tell shows the i-th scene as it happens, or as it has happened.
func (d *demo) tell(ctx context.Context, i int, r *reel) {
	s := d.scenes[i]
	d.screen.heading(i+1, len(d.scenes), s)
	t := newTeller()
	for m := range r.moments(func() { d.screen.waiting(i+1, len(d.scenes), time.Since(d.began)) }) {
		if d.screen.terminal && time.Since(m.At) > breath {
			wait(ctx, beat)
		}
		for _, line := range t.lines(m) {
			d.screen.line(line)
		}
	}
	if ctx.Err() != nil {
		d.screen.flush()
		return // half a scene proves nothing
	}
	d.results = append(d.results, r.result)
	d.screen.verdict(s, r.result)
}

// conclude prints the sums, and fails if anything was not as it should be.
func (d *demo) conclude(ctx context.Context) error {
	if ctx.Err() != nil {
		d.screen.plainly("")
		return errors.New("the demonstration was interrupted")
	}
	d.screen.summary(d.scenes, d.results, time.Since(d.began))
	failed := 0
	for _, r := range d.results {
		if len(r.Faults) > 0 {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%s of %d did not end as it should", count(failed, "scene"), len(d.scenes))
	}
	return nil
}

// wait reports whether the time has passed; if not, ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
