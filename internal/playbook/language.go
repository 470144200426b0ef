package playbook

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tongue is what the server must know of a language to speak it truthfully: how values are said,
// and which words claim or promise something (see truth.go).
//
// The patterns find stems, not grammar: they are meant to stop too much rather than too little.
// A sentence that is stopped although it is true can be said in other words.
type tongue struct {
	notOnFile, yes, no string
	question           string // asks for an argument that has no question of its own; %s is its name
	date               func(time.Time) string
	unit               func(n int, unit time.Duration) string

	claims   *regexp.Regexp // says that something is in the org
	kept     *regexp.Regexp // says that something is written down with us
	followUp *regexp.Regexp // says that a person will act
	transfer *regexp.Regexp // offers a person now
	denial   *regexp.Regexp // takes a claim back: "could not be saved"
	within   *regexp.Regexp // a span: group 1 the number, group 2 the unit
	tomorrow *regexp.Regexp // no later than tomorrow
	moment   *regexp.Regexp // a time that no span can keep: today, by Friday, at noon
	clause   *regexp.Regexp // where one statement of a sentence ends and the next begins
	asks     *regexp.Regexp // how a sentence begins that is a question from its first word
	numbers  map[string]int
	units    []unit
}

// unit is the stem of a unit of time.
type unit struct {
	stem string
	span time.Duration
}

// day is without regard to changes of the clock: a promise is off by an hour on two days a year.
const day = 24 * time.Hour

// tongues are the languages that words can be written in.
var tongues = map[string]*tongue{
	"en": {
		notOnFile: "not on file", yes: "yes", no: "no",
		question: "Could you tell me the %s?",
		date:     func(d time.Time) string { return d.Format("January 2, 2006") },
		unit:     englishUnit,
		claims: regexp.MustCompile(`(?i)\b(saved|created|opened|updated|booked|registered|scheduled|logged|added|changed|submitted|recorded|filed|entered|stored|arranged|completed|case number|` +
			`(?:is|are|'s) (?:now )?(?:open|set|done|in (?:our|the) (?:system|records)|on your (?:record|case|account)))\b`),
		kept: regexp.MustCompile(`(?i)\b(noted|kept|written down|wrote down|safe with (?:me|us)|hold of it|have (?:it|your \w+) down)\b`),
		followUp: regexp.MustCompile(`(?i)(\bcall(?:s|ing)? you\b(?: back)?|\bcall-?back\b|\bfollow(?:s|ing)?[ -]up\b|\bin touch\b|\bget(?:s|ting)? back to you\b|\breach(?:es|ing)? out\b|` +
			`\b(?:will|'ll|going to) (?:contact|call|e-?mail|text|write|confirm|review|look|handle|finish|complete|take care|see|check|process)\b|` +
			`\b(?:colleague|specialist|someone|somebody|agent|person|team|representative|advisor)s? (?:will|is going to)\b|\byou(?:'ll| will) (?:hear|receive|get)\b)`),
		transfer: regexp.MustCompile(`(?i)\b(?:transfer|connect|put) you\b|\bput you through\b`),
		denial:   regexp.MustCompile(`(?i)(\b(?:not|never|no|none|nothing|neither|without|unable|cannot|before|until|once|if|whether)\b|n't\b|n’t\b)`),
		within: regexp.MustCompile(`(?i)\b(?:within|in|over|during|for|no later than|less than|under|at most)(?: the| about| around)?(?: next| coming)?` +
			` (\d+(?:\.\d+)?|[a-z]+(?:-[a-z]+)?)? ?(business |working )?(seconds?|minutes?|hours?|days?|weeks?|months?)\b`),
		tomorrow: regexp.MustCompile(`(?i)\btomorrow\b`),
		moment: regexp.MustCompile(`(?i)\b(today|tonight|this (?:morning|afternoon|evening|week)|` +
			`(?:by|until|before|on) (?:noon|midnight|monday|tuesday|wednesday|thursday|friday|saturday|sunday|(?:the )?end of|close of|next|\d)|` +
			`end of (?:the )?(?:day|business|week)|right away|immediately|shortly|at once|any minute|next (?:week|month))`),
		clause: regexp.MustCompile(`[;:,–—]+\s|\s[–—-]\s|\s(?:but|and|so|however|then)\s`),
		asks:   regexp.MustCompile(`(?i)^(?:and |or |so )?(?:what|which|when|where|who|whose|why|how|is|are|do|does|did|shall|should|may|can|could|would|will|have|has)\b`),
		numbers: map[string]int{
			"a": 1, "an": 1, "the": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "eight": 8, "ten": 10, "twelve": 12,
			"fifteen": 15, "twenty": 20, "twenty-four": 24, "thirty": 30, "forty-eight": 48, "sixty": 60, "couple": 2, "few": 2,
		},
		units: []unit{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", day}, {"week", 7 * day}, {"month", 28 * day}},
	},
	"de": {
		notOnFile: "nicht hinterlegt", yes: "ja", no: "nein",
		question: "Können Sie mir das noch sagen: %s?",
		date:     germanDate,
		unit:     germanUnit,
		claims: regexp.MustCompile(`(?i)(gespeichert|erstellt|angelegt|eröffnet|aktualisiert|gebucht|registriert|eingetragen|geändert|hinzugefügt|übermittelt|vereinbart|` +
			`erfasst|fallnummer|vorgangsnummer|\bist (?:jetzt |nun )?(?:offen|erledigt|im system))`),
		kept: regexp.MustCompile(`(?i)(notiert|aufgeschrieben|festgehalten|vorgemerkt|aufbewahrt|liegt (?:bei uns|uns) vor)`),
		followUp: regexp.MustCompile(`(?i)(ruft sie|rufen sie|rückruf|zurückrufen|zurückgerufen|meldet sich|melden uns|melden sich|kontaktiert|kümmert sich|kümmern uns|` +
			`\b(?:kolleg\w+|mitarbeiter\w*|spezialist\w*|berater\w*|jemand) (?:wird|werden|prüft|bestätigt|schließt|sieht|bearbeitet)|sie (?:hören|erhalten|bekommen))`),
		transfer: regexp.MustCompile(`(?i)(verbinden\b|verbinde sie|durchstellen|stelle sie durch)`),
		denial:   regexp.MustCompile(`(?i)\b(nicht|nie|kein\w*|nichts|ohne|bevor|sobald|falls|ob|weder)\b`),
		within: regexp.MustCompile(`(?i)\b(?:innerhalb|binnen|in|während|spätestens in)(?: von| der| den| einer| eines)?(?: nächsten| kommenden)?` +
			` ?(\d+(?:,\d+)?|[a-zäöüß]+)? ?()(sekunden?|minuten?|stunden?|tag(?:e|en|es)?|wochen?|monat(?:e|en|s)?)\b`),
		tomorrow: regexp.MustCompile(`(?i)\bmorgen\b`),
		moment: regexp.MustCompile(`(?i)\b(heute|diese woche|` +
			`(?:bis|vor|am) (?:mittag|mitternacht|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|\d)|` +
			`bis ende|sofort|umgehend|gleich|in kürze|nächste(?:n|r)? (?:woche|monat))`),
		clause: regexp.MustCompile(`[;:,–—]+\s|\s[–—-]\s|\s(?:aber|und|doch|dann|jedoch)\s`),
		asks: regexp.MustCompile(`(?i)^(?:und |oder )?(?:was|welche\w*|wann|wo|wer|wessen|warum|wie|unter|in welche\w*|um welche\w*|` +
			`ist|sind|geht|soll|sollen|darf|kann|können|möchten|wollen|haben|suchen|wird)\b`),
		numbers: map[string]int{
			"ein": 1, "eine": 1, "einer": 1, "eines": 1, "einem": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "acht": 8,
			"zehn": 10, "zwölf": 12, "fünfzehn": 15, "zwanzig": 20, "vierundzwanzig": 24, "dreißig": 30, "achtundvierzig": 48, "wenigen": 2, "paar": 2,
		},
		units: []unit{{"sekunde", time.Second}, {"minute", time.Minute}, {"stunde", time.Hour}, {"tag", day}, {"woche", 7 * day}, {"monat", 28 * day}},
	},
}

// languages are those in which a playbook can be written. Another one is a table here, and tests of
// what its words claim.
func languages() []string { return slices.Sorted(maps.Keys(tongues)) }

// sayings is the tongue of a language; English where there is none, which the loader rules out.
func sayings(lang string) *tongue {
	main, _, _ := strings.Cut(lang, "-")
	if t, ok := tongues[main]; ok {
		return t
	}
	return tongues["en"]
}

// value says a value; what is unknown is said to be so.
// "Not on file" is true of a value that is null and of a read that found nothing; for one that failed
// the sentence needs a condition of its own.
func (t *tongue) value(v any) string {
	switch v := v.(type) {
	case nil:
		return t.notOnFile
	case bool:
		if v {
			return t.yes
		}
		return t.no
	case time.Time:
		return t.date(v)
	}
	if s := oneLine(format(v)); s != "" {
		return s
	}
	return t.notOnFile
}

// span says a length of time in its largest whole unit: 2 hours, 90 minutes.
func (t *tongue) span(d time.Duration) string {
	for _, u := range []time.Duration{day, time.Hour, time.Minute} {
		// 24 hours are said as hours: a day is heard as "some time tomorrow".
		if d%u == 0 && (u != day || d > 2*day) {
			return t.unit(int(d/u), u)
		}
	}
	return t.unit(int(d/time.Second), time.Second)
}

// englishUnit counts a unit as it is said.
func englishUnit(n int, u time.Duration) string {
	name := map[time.Duration]string{day: "day", time.Hour: "hour", time.Minute: "minute", time.Second: "second"}[u]
	if n != 1 {
		name += "s"
	}
	return strconv.Itoa(n) + " " + name
}

// germanUnit uses the dative: it stands behind "innerhalb von".
func germanUnit(n int, u time.Duration) string {
	name := map[time.Duration][2]string{
		day: {"Tag", "Tagen"}, time.Hour: {"Stunde", "Stunden"},
		time.Minute: {"Minute", "Minuten"}, time.Second: {"Sekunde", "Sekunden"},
	}[u]
	if n == 1 {
		return "1 " + name[0]
	}
	return strconv.Itoa(n) + " " + name[1]
}

// germanDate is written out: package time knows English names only.
func germanDate(d time.Time) string {
	months := [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	return fmt.Sprintf("%d. %s %d", d.Day(), months[d.Month()-1], d.Year())
}
