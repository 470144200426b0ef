package journal

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// intentColumns are what scan reads, in its order: all of an intent but what only a doer or a person
// who looks at this one needs. Those columns are sealed, large, and not worth opening for a list.
const intentColumns = `i.id, i.workspace, i.kind, i.key, i.name, coalesce(i.answer, 0), i.subject, i.parent, i.lane, i.state, i.due_at, i.not_before, i.expires_at,
	i.attempts, i.counted_tries, i.looks, i.tried_at, i.verdict, i.blame, i.effect, i.facts, i.why, i.hint, i.fell_by, i.merged_into, i.undoes,
	i.cause_call, i.cause_ask, i.cause_rule, i.person, i.playbook, i.recorded_at, i.settled_at`

// scanner is a row, or the rows of a query: both are read in the same way.
type scanner interface{ Scan(dest ...any) error }

// scan reads intentColumns, preceded by more.
func (l *ledger) scan(row scanner, more ...any) (Intent, error) {
	var in Intent
	var due, notBefore, expires, tried, recorded, settledAt int64
	var facts []byte
	err := row.Scan(append(more, &in.ID, &in.Workspace, &in.Kind, &in.Key, &in.Name, &in.Answer, &in.Subject, &in.Parent, &in.Lane, &in.State, &due, &notBefore, &expires,
		&in.Attempts, &in.Counted, &in.Looks, &tried, &in.Verdict, &in.Blame, &in.Effect, &facts, &in.Why, &in.Hint, &in.FellBy, &in.MergedInto, &in.Undoes,
		&in.Cause.Call, &in.Cause.ToolCall, &in.Cause.Rule, &in.Person, &in.Playbook, &recorded, &settledAt)...)
	if err != nil {
		return in, err
	}
	in.Due, in.NotBefore, in.Expires, in.Tried = when(due), when(notBefore), when(expires), when(tried)
	in.Recorded, in.Settled = when(recorded), when(settledAt)
	if facts, err = l.unseal(facts, in.place()); err != nil || facts == nil {
		return in, err
	}
	return in, json.Unmarshal(facts, &in.Facts)
}

// intents reads all rows before it returns: the same statement may run again meanwhile.
func (l *ledger) intents(query string, args ...any) ([]Intent, error) {
	rows, err := l.tx.Query(l.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Intent
	for rows.Next() {
		in, err := l.scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, in)
	}
	return all, rows.Err()
}

// intent reads one of a workspace; another workspace does not see it.
// Every statement that takes an id from outside takes the workspace beside it: an id alone, which
// is a small number, would open another customer's.
func (l *ledger) intent(workspace string, id IntentID) (Intent, error) {
	in, err := l.scan(l.tx.QueryRow(l.ctx, `SELECT `+intentColumns+` FROM intent i WHERE i.id = ? AND i.workspace = ?`, id, workspace))
	if errors.Is(err, sql.ErrNoRows) {
		return in, fmt.Errorf("intent %d of workspace %s: %w", id, workspace, ErrNoIntent)
	}
	return in, err
}

// queue is what the engine works on of one subject, in order.
// It is asked before every attempt, and reads an index that holds open intents alone.
func (l *ledger) queue(s SubjectID) ([]Intent, error) {
	return l.intents(`SELECT `+intentColumns+` FROM intent i WHERE i.subject = ? AND i.open = 2 ORDER BY i.id`, s)
}

// underParent tells whether an attempt is under way under the parent of in.
func (l *ledger) underParent(in Intent) (bool, error) {
	var n int
	err := l.tx.QueryRow(l.ctx, `SELECT count(*) FROM intent WHERE workspace = ? AND parent = ? AND state = 'trying'`, in.Workspace, in.Parent).Scan(&n)
	return n > 0, err
}

// settlingOf is what can still be taken back of a call. The partial index holds a handful.
func (l *ledger) settlingOf(workspace, call string) ([]Intent, error) {
	return l.intents(`SELECT `+intentColumns+` FROM intent i WHERE i.workspace = ? AND i.cause_call = ? AND i.state = 'settling' ORDER BY i.id`, workspace, call)
}

// mergedInto is what settles with an intent.
// The second condition is what lets SQLite use the partial index: a parameter proves nothing to it.
func (l *ledger) mergedInto(id IntentID) ([]Intent, error) {
	return l.intents(`SELECT `+intentColumns+` FROM intent i WHERE i.merged_into = ? AND i.merged_into > 0`, id)
}

// interrupted is what a process before this one was trying when it ended.
// Only one process has the file open, so that all of them are nobody's.
func (l *ledger) interrupted() ([]Intent, error) {
	return l.intents(`SELECT ` + intentColumns + ` FROM intent i WHERE i.state = 'trying'`)
}

// insert records an intent; fresh is false if its key was taken, and the intent then is the
// one that has it.
// That a key is unique is left to the index: a question beforehand would be another statement, and
// not true by the time of the insert once there is more than one writer.
func (l *ledger) insert(in Intent) (_ Intent, fresh bool, err error) {
	body, err1 := l.seal(in.Body, in.place())
	before, err2 := l.seal(in.Before, in.place())
	words, err3 := l.seal([]byte(in.Cause.Words), in.place())
	if err := errors.Join(err1, err2, err3); err != nil {
		return in, false, fmt.Errorf("seal intent: %w", err)
	}
	r, err := l.tx.Exec(l.ctx, `INSERT INTO intent (workspace, kind, key, answer, name, subject, parent, lane, body, before_image, state, open,
		due_at, not_before, expires_at, why, fell_by, merged_into, undoes, cause_call, cause_ask, cause_rule, cause_words, person, playbook, recorded_at, settled_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (workspace, kind, key) DO NOTHING`,
		in.Workspace, in.Kind, in.Key, in.Answer, in.Name, in.Subject, in.Parent, in.Lane, body, before, in.State, in.State.open(),
		micros(in.Due), micros(in.NotBefore), micros(in.Expires), in.Why, in.FellBy, in.MergedInto, in.Undoes,
		in.Cause.Call, in.Cause.ToolCall, in.Cause.Rule, words, in.Person, in.Playbook, micros(in.Recorded), micros(in.Settled))
	if err != nil {
		return in, false, err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		old, oldErr := l.byKey(in.Workspace, in.Kind, in.Key)
		return old, false, errors.Join(err, oldErr)
	}
	id, err := r.LastInsertId()
	in.ID = IntentID(id)
	l.news.touch(in)
	return in, true, err
}

// byKey is the intent that has a key. The key is unique for good: it is never free again.
func (l *ledger) byKey(workspace, kind, key string) (Intent, error) {
	return l.scan(l.tx.QueryRow(l.ctx, `SELECT `+intentColumns+` FROM intent i WHERE i.workspace = ? AND i.kind = ? AND i.key = ?`, workspace, kind, key))
}

// save writes what became of old. It changes nothing if the row is no longer as old says.
// Only what an attempt, a person or a need can change is written. The name, body and cause of an
// intent are what was promised, and stay.
func (l *ledger) save(old, in Intent) error {
	if err := mayBecome(old.State, in.State); err != nil {
		return fmt.Errorf("intent %d: %w", in.ID, err)
	}
	var facts []byte
	if in.Facts != nil {
		plain, err := json.Marshal(in.Facts)
		if err != nil {
			return err
		}
		if facts, err = l.seal(plain, in.place()); err != nil {
			return err
		}
	}
	r, err := l.tx.Exec(l.ctx, `UPDATE intent SET state = ?, open = ?, due_at = ?, expires_at = ?, attempts = ?, counted_tries = ?, looks = ?, tried_at = ?,
		verdict = ?, blame = ?, effect = ?, facts = ?, why = ?, hint = ?, fell_by = ?, settled_at = ? WHERE id = ? AND state = ? AND attempts = ?`,
		in.State, in.State.open(), micros(in.Due), micros(in.Expires), in.Attempts, in.Counted, in.Looks, micros(in.Tried),
		in.Verdict, in.Blame, in.Effect, facts, in.Why, in.Hint, in.FellBy, micros(in.Settled), in.ID, old.State, old.Attempts)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("intent %d is no longer %s at attempt %d", in.ID, old.State, old.Attempts), err)
	}
	l.news.touch(in)
	return nil
}

// fill reads what is sealed of an intent.
func (l *ledger) fill(in *Intent) error {
	var body, before, words []byte
	err := l.tx.QueryRow(l.ctx, `SELECT body, before_image, cause_words FROM intent WHERE id = ?`, in.ID).Scan(&body, &before, &words)
	if err != nil {
		return err
	}
	body, err1 := l.unseal(body, in.place())
	before, err2 := l.unseal(before, in.place())
	words, err3 := l.unseal(words, in.place())
	in.Body, in.Before, in.Cause.Words = body, before, string(words)
	return errors.Join(err1, err2, err3)
}

// setBody replaces the body of an intent that is not being tried; the caller has checked it.
// The row's seal is tied to its key, which an edit does not change.
func (l *ledger) setBody(in Intent, body json.RawMessage) error {
	sealed, err := l.seal(body, in.place())
	if err != nil {
		return err
	}
	_, err = l.tx.Exec(l.ctx, `UPDATE intent SET body = ? WHERE id = ?`, sealed, in.ID)
	return err
}

// addNeed ties an intent to an earlier one. Needs point backwards only, so that they cannot
// form a ring.
func (l *ledger) addNeed(in Intent, name string, needs IntentID) error {
	_, err := l.tx.Exec(l.ctx, `INSERT INTO need (workspace, intent, name, needs) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, in.Workspace, in.ID, name, needs)
	return err
}

// needsOf is what an intent needs, by the name under which its doer knows it.
// A name is that of the draft; what was promised before that draft goes by kind and key.
func (l *ledger) needsOf(in Intent) (map[string]Intent, error) {
	rows, err := l.tx.Query(l.ctx, `SELECT n.name, `+intentColumns+` FROM need n JOIN intent i ON i.id = n.needs WHERE n.workspace = ? AND n.intent = ?`, in.Workspace, in.ID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	needs := map[string]Intent{}
	for rows.Next() {
		var name string
		need, err := l.scan(rows, &name)
		if err != nil {
			return nil, err
		}
		if name == "" {
			name = need.Kind + "/" + need.Key
		}
		needs[name] = need
	}
	return needs, rows.Err()
}

// dependants need the intent, and are not settled.
// A refused one is among them: it waits for a person, and may yet be revived or discarded with this.
func (l *ledger) dependants(in Intent) ([]Intent, error) {
	return l.intents(`SELECT `+intentColumns+` FROM need n JOIN intent i ON i.id = n.intent
		WHERE n.workspace = ? AND n.needs = ? AND i.open > 0 ORDER BY i.id`, in.Workspace, in.ID)
}

// beginAttempt opens a line of the history; its end stays empty if the process dies first.
func (l *ledger) beginAttempt(in Intent, act action) error {
	_, err := l.tx.Exec(l.ctx, `INSERT INTO attempt (workspace, intent, number, action, started_at) VALUES (?, ?, ?, ?, ?)`,
		in.Workspace, in.ID, in.Attempts, act, micros(l.now))
	return err
}

// endAttempt closes the line of the attempt that the intent is in.
func (l *ledger) endAttempt(in Intent, v Verdict, why string) error {
	_, err := l.tx.Exec(l.ctx, `UPDATE attempt SET ended_at = ?, verdict = ?, why = ? WHERE workspace = ? AND intent = ? AND number = ?`,
		micros(l.now), v, why, in.Workspace, in.ID, in.Attempts)
	return err
}

// attempts is the history of an intent in order.
func (l *ledger) attempts(workspace string, id IntentID) ([]AttemptRow, error) {
	rows, err := l.tx.Query(l.ctx, `SELECT number, action, started_at, coalesce(ended_at, 0), verdict, why FROM attempt
		WHERE workspace = ? AND intent = ? ORDER BY number`, workspace, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []AttemptRow
	for rows.Next() {
		var a AttemptRow
		var started, ended int64
		if err := rows.Scan(&a.Number, &a.Action, &started, &ended, &a.Verdict, &a.Why); err != nil {
			return nil, err
		}
		a.Started, a.Ended = when(started), when(ended)
		all = append(all, a)
	}
	return all, rows.Err()
}

// subjectByKey is the subject that is known by a name, or 0. Names of a joined subject point
// at the one that stayed.
func (l *ledger) subjectByKey(workspace, kind, key string) (id SubjectID, err error) {
	err = l.tx.QueryRow(l.ctx, `SELECT subject FROM subject_key WHERE workspace = ? AND kind = ? AND key = ?`, workspace, kind, key).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// subject reads one row; it has no intents yet.
func (l *ledger) subject(workspace string, id SubjectID) (s SubjectRow, err error) {
	err = l.tx.QueryRow(l.ctx, `SELECT id, kind, ref, parent FROM subject WHERE workspace = ? AND id = ?`, workspace, id).Scan(&s.ID, &s.Kind, &s.Ref, &s.Parent)
	if err != nil {
		return s, fmt.Errorf("subject %d of workspace %s: %w", id, workspace, err)
	}
	return s, nil
}

// latestOf is for people: what happened to a record last.
func (l *ledger) latestOf(s SubjectID) ([]Intent, error) {
	return l.intents(`SELECT `+intentColumns+` FROM intent i WHERE i.subject = ? ORDER BY i.id DESC LIMIT 10`, s)
}

// newSubject makes a subject without names; addSubjectKey gives it one. A name belongs to one
// subject of its kind, and the table refuses a second.
func (l *ledger) newSubject(workspace string, s Subject) (SubjectID, error) {
	r, err := l.tx.Exec(l.ctx, `INSERT INTO subject (workspace, kind, ref, parent, created_at) VALUES (?, ?, ?, ?, ?)`, workspace, s.Kind, s.Ref, s.Parent, micros(l.now))
	if err != nil {
		return 0, err
	}
	id, err := r.LastInsertId()
	return SubjectID(id), err
}

// addSubjectKey gives a subject one more name. One that another subject has is refused by the table:
// the caller has looked, in the same transaction, and joins the two instead.
func (l *ledger) addSubjectKey(workspace, kind, key string, id SubjectID) error {
	_, err := l.tx.Exec(l.ctx, `INSERT INTO subject_key (workspace, kind, key, subject) VALUES (?, ?, ?, ?)`, workspace, kind, key, id)
	return err
}

// setRef learns the vendor id of a subject. The first one stays: a record does not change it.
func (l *ledger) setRef(id SubjectID, ref string) error {
	_, err := l.tx.Exec(l.ctx, `UPDATE subject SET ref = ? WHERE id = ? AND ref = ''`, ref, id)
	return err
}

// moveSubject gives everything of one subject to another.
// Names cannot meet: each belongs to one subject of its kind, whichever that is. The row that is left
// behind says where everything went.
func (l *ledger) moveSubject(from, to SubjectID) error {
	for _, query := range []string{
		`UPDATE intent SET subject = ? WHERE subject = ?`,
		`UPDATE subject_key SET subject = ? WHERE subject = ?`,
		`UPDATE subject SET joined_into = ? WHERE id = ?`,
	} {
		if _, err := l.tx.Exec(l.ctx, query, to, from); err != nil {
			return err
		}
	}
	return nil
}

// claimed is the intent that holds a claim, if its window is open.
func (l *ledger) claimed(workspace string, c Claim) (in Intent, held bool, err error) {
	var id IntentID
	err = l.tx.QueryRow(l.ctx, `SELECT intent FROM claim WHERE workspace = ? AND name = ? AND key = ? AND (until = 0 OR until > ?)`,
		workspace, c.Name, c.Key, micros(l.now)).Scan(&id)
	if err == nil {
		in, err = l.intent(workspace, id)
	}
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, ErrNoIntent) {
		return in, false, nil
	}
	return in, err == nil, err
}

// putClaim takes a claim that is not held, or whose window has ended; until 0 is for good.
// Whether it is held was asked in the same transaction; the conflict is one that has run out.
func (l *ledger) putClaim(workspace string, c Claim, id IntentID, until time.Time) error {
	_, err := l.tx.Exec(l.ctx, `INSERT INTO claim (workspace, name, key, intent, until) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (workspace, name, key) DO UPDATE SET intent = excluded.intent, until = excluded.until`, workspace, c.Name, c.Key, id, micros(until))
	return err
}

// putLane keeps a parked lane through a restart.
func (l *ledger) putLane(workspace string, lane Lane, until time.Time, why string) error {
	_, err := l.tx.Exec(l.ctx, `INSERT INTO lane (workspace, lane, parked_until, why) VALUES (?, ?, ?, ?)
		ON CONFLICT (workspace, lane) DO UPDATE SET parked_until = excluded.parked_until, why = excluded.why`, workspace, lane, micros(until), why)
	return err
}

// dropLane frees a lane. One whose time has run out is left in the table until it parks again.
func (l *ledger) dropLane(workspace string, lane Lane) error {
	_, err := l.tx.Exec(l.ctx, `DELETE FROM lane WHERE workspace = ? AND lane = ?`, workspace, lane)
	return err
}

// lanes calls each for every lane that was parked.
func (l *ledger) lanes(each func(workspace string, lane Lane, p Parked)) error {
	rows, err := l.tx.Query(l.ctx, `SELECT workspace, lane, parked_until, why FROM lane`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var workspace string
		var lane Lane
		var until int64
		var p Parked
		if err := rows.Scan(&workspace, &lane, &until, &p.Why); err != nil {
			return err
		}
		p.Until = when(until)
		each(workspace, lane, p)
	}
	return rows.Err()
}

// openSubjects calls each for every queue on which the engine works; workspace "" means all.
// A queue with intents in two lanes comes twice: the engine takes the more urgent, and the earlier time.
func (l *ledger) openSubjects(workspace string, each func(SubjectID, Lane, time.Time)) error {
	rows, err := l.tx.Query(l.ctx, `SELECT subject, lane, min(due_at) FROM intent WHERE open = 2 AND (workspace = ? OR ? = '') GROUP BY subject, lane`, workspace, workspace)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s SubjectID
		var lane Lane
		var due int64
		if err := rows.Scan(&s, &lane, &due); err != nil {
			return err
		}
		each(s, lane, when(due))
	}
	return rows.Err()
}

// counts reads the partial index of what is open, so that its cost does not grow with history.
func (l *ledger) counts(workspace string) (map[State]int, error) {
	rows, err := l.tx.Query(l.ctx, `SELECT state, count(*) FROM intent WHERE workspace = ? AND open > 0 GROUP BY state`, workspace)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[State]int{}
	for rows.Next() {
		var s State
		var n int
		if err := rows.Scan(&s, &n); err != nil {
			return nil, err
		}
		counts[s] = n
	}
	return counts, rows.Err()
}

// list is a page of intents, newest first. States are a handful of constants, so that the
// statements it makes are few.
func (l *ledger) list(f Filter) ([]Intent, error) {
	query, args := `SELECT `+intentColumns+` FROM intent i WHERE i.workspace = ?`, []any{f.Workspace}
	add := func(clause string, used bool, arg any) {
		if used {
			query, args = query+clause, append(args, arg)
		}
	}
	add(` AND i.cause_call = ?`, f.Call != "", f.Call)
	add(` AND i.person = ?`, f.Person != "", f.Person)
	add(` AND i.subject = ?`, f.Subject != 0, f.Subject)
	add(` AND i.id < ?`, f.Before != 0, f.Before)
	if len(f.States) > 0 {
		query += ` AND i.state IN (?` + strings.Repeat(`, ?`, len(f.States)-1) + `)`
		open := true
		for _, s := range f.States {
			args, open = append(args, s), open && s.open() > 0
		}
		if open {
			// It follows from the states, but SQLite must read it to use the index of what is open.
			query += ` AND i.open > 0`
		}
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	return l.intents(query+` ORDER BY i.id DESC LIMIT ?`, append(args, f.Limit)...)
}

// answer is a row of the table: of the ask itself, or of the one that it repeats.
type answer struct {
	id         int64
	ask        Ask
	deadline   time.Time
	sentences  []Sentence
	refs       map[string]IntentID
	chosen     bool
	spoken     Spoken
	replacedBy int64
}

// answerColumns are what answer reads, in its order. Facts are not among them: they are kept as
// evidence, and no sentence is chosen by them.
const answerColumns = `a.id, a.workspace, a.call, a.ask, a.deadline, a.sentences, a.refs, a.chosen IS NOT NULL, a.spoken, a.failed, coalesce(a.spoken_at, 0), coalesce(a.replaced_by, 0)`

// answerTo is what was recorded for an ask, or nil.
func (l *ledger) answerTo(k Ask) (*answer, error) {
	return l.answer(`SELECT coalesce(alias_of, id) FROM answer WHERE workspace = ? AND call = ? AND ask = ?`, k.Workspace, k.Call, k.ID)
}

// repeated is the newest answer to the same question since a time.
func (l *ledger) repeated(d *Draft, since time.Time) (*answer, error) {
	return l.answer(`SELECT id FROM answer WHERE workspace = ? AND call = ? AND repeat = ? AND repeat <> '' AND alias_of IS NULL
		AND recorded_at >= ? ORDER BY id DESC LIMIT 1`, d.Ask.Workspace, d.Ask.Call, d.Repeat, micros(since))
}

// hasEffect tells whether another intent of the same kind made the vendor's record.
func (l *ledger) hasEffect(than Intent, effect string) (has bool, err error) {
	err = l.tx.QueryRow(l.ctx, `SELECT EXISTS (SELECT 1 FROM intent WHERE workspace = ? AND kind = ? AND effect = ? AND id <> ?)`,
		than.Workspace, than.Kind, effect, than.ID).Scan(&has)
	return has, err
}

// newestOf is the newest answer of the call for the draft's tool.
func (l *ledger) newestOf(d *Draft) (*answer, error) {
	return l.answer(`SELECT id FROM answer WHERE workspace = ? AND call = ? AND tool = ? AND alias_of IS NULL ORDER BY id DESC LIMIT 1`,
		d.Ask.Workspace, d.Ask.Call, d.Tool)
}

// newestFor is the newest answer of the call for the draft's tool and target.
func (l *ledger) newestFor(d *Draft) (*answer, error) {
	return l.answer(`SELECT id FROM answer WHERE workspace = ? AND call = ? AND tool = ? AND target = ? AND target <> ''
		AND alias_of IS NULL ORDER BY id DESC LIMIT 1`, d.Ask.Workspace, d.Ask.Call, d.Tool, d.Target)
}

// answer is the row whose id a query finds, or nil. Most often there is none, and the driver takes longer over
// the names of a dozen columns than over finding that out.
func (l *ledger) answer(query string, args ...any) (*answer, error) {
	var id int64
	err := l.tx.QueryRow(l.ctx, query, args...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l.answerBy(id)
}

// answerBy reads an answer whole. Whether it was chosen is asked of the choice, not of the words: with
// no sentence that was true the index is -1, and the words are ours.
func (l *ledger) answerBy(id int64) (*answer, error) {
	var a answer
	var deadline, spokenAt int64
	var sentences, spoken []byte
	var refs string
	var failed bool
	err := l.tx.QueryRow(l.ctx, `SELECT `+answerColumns+` FROM answer a WHERE a.id = ?`, id).Scan(&a.id, &a.ask.Workspace, &a.ask.Call, &a.ask.ID, &deadline,
		&sentences, &refs, &a.chosen, &spoken, &failed, &spokenAt, &a.replacedBy)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // an alias whose answer was erased
	}
	if err != nil {
		return nil, err
	}
	a.deadline = when(deadline)
	if err := json.Unmarshal([]byte(refs), &a.refs); err != nil {
		return nil, fmt.Errorf("refs of answer %d: %w", a.id, err)
	}
	if err := l.unsealJSON(sentences, a.ask, &a.sentences); err != nil {
		return nil, fmt.Errorf("sentences of answer %d: %w", a.id, err)
	}
	if err := l.unsealJSON(spoken, a.ask, &a.spoken); err != nil {
		return nil, fmt.Errorf("words of answer %d: %w", a.id, err)
	}
	a.spoken.Failed, a.spoken.At = failed, when(spokenAt)
	return &a, nil
}

// insertAnswer records an answer without a choice. Its sentences are kept as they were, not as
// a later playbook has them: a choice made anew after a crash is among the same.
func (l *ledger) insertAnswer(d *Draft) (int64, error) {
	sentences, err1 := l.sealJSON(d.Sentences, d.Ask)
	facts, err2 := l.seal(d.Facts, d.Ask.place())
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("seal answer: %w", err)
	}
	r, err := l.tx.Exec(l.ctx, `INSERT INTO answer (workspace, call, ask, tool, repeat, target, person, playbook, deadline, sentences, facts, recorded_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Ask.Workspace, d.Ask.Call, d.Ask.ID, d.Tool, d.Repeat, d.Target, d.Person, d.Playbook, micros(d.Deadline), sentences, facts, micros(l.now))
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// insertAlias records an ask as the repeat of another: it has no words of its own.
func (l *ledger) insertAlias(d *Draft, of int64) error {
	_, err := l.tx.Exec(l.ctx, `INSERT INTO answer (workspace, call, ask, tool, person, playbook, deadline, recorded_at, alias_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Ask.Workspace, d.Ask.Call, d.Ask.ID, d.Tool, d.Person, d.Playbook, micros(d.Deadline), micros(l.now), of)
	return err
}

// setRefs names the intents of an answer once they have ids.
func (l *ledger) setRefs(id int64, refs map[string]IntentID) error {
	text, err := json.Marshal(refs)
	if err != nil {
		return err
	}
	_, err = l.tx.Exec(l.ctx, `UPDATE answer SET refs = ? WHERE id = ?`, string(text), id)
	return err
}

// setReplaced says by which newer answer an answer was replaced.
// It stays, and its answer is still given to whoever asks it again: that it was replaced is what is
// then said.
func (l *ledger) setReplaced(id, by int64) error {
	_, err := l.tx.Exec(l.ctx, `UPDATE answer SET replaced_by = ? WHERE id = ?`, by, id)
	return err
}

// setSpoken is the compare-and-set of an answer: it holds for the first that chooses.
func (l *ledger) setSpoken(a *answer, chosen int, s Spoken) error {
	sealed, err := l.sealJSON(s, a.ask)
	if err != nil {
		return err
	}
	r, err := l.tx.Exec(l.ctx, `UPDATE answer SET chosen = ?, spoken = ?, failed = ?, spoken_at = ? WHERE id = ? AND chosen IS NULL`, chosen, sealed, s.Failed, micros(s.At), a.id)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("answer %d was chosen already", a.id), err)
	}
	return nil
}
