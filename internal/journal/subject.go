package journal

import (
	"context"
	"fmt"
)

// assign finds the subject of a promise by the vendor's id and by our key, and makes it if
// neither is known. If the two name different subjects they are one record, and are joined.
// It happens before the intent is recorded, in the same transaction, because the queue in which
// an intent stands is its order: assigning it later would be a queue that was jumped.
func (l *ledger) assign(workspace string, p *Promise) (SubjectID, error) {
	s := p.Subject
	if s.Key == "" && s.Ref == "" {
		s.Key = p.Key
	}
	var id SubjectID
	var unknown []string
	for _, key := range []string{s.Ref, s.Key} {
		if key == "" {
			continue
		}
		found, err := l.subjectByKey(workspace, s.Kind, key)
		switch {
		case err != nil:
			return 0, err
		case found == 0:
			unknown = append(unknown, key)
		case id == 0:
			id = found
		case id != found:
			if id, err = l.join(workspace, id, found); err != nil {
				return 0, err
			}
		}
	}
	var err error
	if id == 0 {
		if id, err = l.newSubject(workspace, s); err != nil {
			return 0, err
		}
	} else if s.Ref != "" && len(unknown) > 0 {
		// It was known by our key alone, and is now named by the vendor's id as well.
		if err := l.setRef(id, s.Ref); err != nil {
			return 0, err
		}
	}
	for _, key := range unknown {
		if err := l.addSubjectKey(workspace, s.Kind, key, id); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// identify learns from an outcome by which names the subject of an intent is known. The
// effect names the subject only if the subject had no name at the vendor before: the id of a
// comment does not rename the case it stands under. A name that another subject has proves
// that the two are one.
// Without this, what is said of a lead before and after its creation would stand in two queues:
// under the key that we gave it, and under the id that the vendor did.
func (l *ledger) identify(in Intent, out Outcome) error {
	if out.Effect == "" && len(out.Keys) == 0 {
		return nil
	}
	s, err := l.subject(in.Workspace, in.Subject)
	if err != nil {
		return err
	}
	names := out.Keys
	if out.Effect != "" && s.Ref == "" {
		if err := l.setRef(s.ID, out.Effect); err != nil {
			return err
		}
		names = append([]string{out.Effect}, names...)
	}
	id := s.ID
	for _, name := range names {
		found, err := l.subjectByKey(in.Workspace, s.Kind, name)
		switch {
		case err != nil:
			return err
		case found == 0:
			err = l.addSubjectKey(in.Workspace, s.Kind, name, id)
		case found != id:
			id, err = l.join(in.Workspace, id, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// join makes two subjects one. The older stays; the order of their intents is that of their
// ids. There is one writer, so that this happens under the locks of both.
// An id is never reused and the row that goes stays, pointing at the other: a log line that names
// it can still be followed.
func (l *ledger) join(workspace string, a, b SubjectID) (SubjectID, error) {
	if a == b {
		return a, nil
	}
	stays, goes := min(a, b), max(a, b)
	older, err := l.subject(workspace, stays)
	if err != nil {
		return 0, err
	}
	newer, err := l.subject(workspace, goes)
	if err != nil {
		return 0, err
	}
	if older.Kind != newer.Kind {
		return 0, fmt.Errorf("subjects %d and %d cannot be one record: %s and %s", a, b, older.Kind, newer.Kind)
	}
	if newer.Ref != "" {
		if err := l.setRef(stays, newer.Ref); err != nil {
			return 0, err
		}
	}
	// The engine may know both queues. Each is looked at: one to find itself longer, one to find
	// itself empty.
	l.news.subjects = append(l.news.subjects, stays, goes)
	return stays, l.moveSubject(goes, stays)
}

// SubjectOf finds a subject by our key or by the vendor's id.
// A name of a joined subject finds the one that stayed.
func (j *Journal) SubjectOf(ctx context.Context, workspace, kind, key string) (SubjectRow, bool, error) {
	var s SubjectRow
	err := j.read(ctx, func(l *ledger) error {
		id, err := l.subjectByKey(workspace, kind, key)
		if err != nil || id == 0 {
			return err
		}
		if s, err = l.subject(workspace, id); err != nil {
			return err
		}
		s.Latest, err = l.latestOf(id)
		return err
	})
	if err != nil {
		return s, false, fmt.Errorf("find subject %s %s: %w", kind, key, err)
	}
	return s, s.ID != 0, nil
}

// Join says that two subjects are one record at the vendor. Their intents run in one order
// from here on.
// It cannot be taken back: intents that have run in one order have run.
func (j *Journal) Join(ctx context.Context, workspace string, a, b SubjectID) error {
	err := j.write(ctx, func(l *ledger) error {
		_, err := l.join(workspace, a, b)
		return err
	})
	if err != nil {
		return fmt.Errorf("join subjects %d and %d: %w", a, b, err)
	}
	return nil
}

// takenBesides is Attempt.Taken for an attempt of in.
func (j *Journal) takenBesides(in Intent) func(context.Context, string) (bool, error) {
	return func(ctx context.Context, effect string) (taken bool, err error) {
		err = j.read(ctx, func(l *ledger) error {
			taken, err = l.hasEffect(in, effect)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("ask whose effect %s is: %w", effect, err)
		}
		return taken, nil
	}
}
