package redact

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Bounds of a Stream's memory. A number given figure by figure takes twenty transcripts.
const (
	streamTexts = 24
	streamBytes = 640
)

// Stream reads the transcripts of one speaker in a call, one after the other, and finds numbers that
// are split over them. Its zero value is ready. It can be kept as JSON between transcripts; it then holds the
// figures heard last, a part of a card number perhaps, so keep it sealed.
type Stream struct {
	Tail []Heard `json:"tail,omitempty"`
}

// Heard is the end of one transcript as a Stream remembers it.
type Heard struct {
	Text  string `json:"text"`            // masked as far as known
	Other bool   `json:"other,omitempty"` // what the other speaker asked for, as marks
}

// Fix says what to mend in an earlier transcript, now that more has been heard.
type Fix struct {
	Back int    // how many transcripts back, counting calls of Next: 1 is the one before
	Old  string // what that transcript ends with
	New  string // what it is to end with
}

// Apply mends the text of the earlier transcript.
func (f Fix) Apply(text string) string {
	if before, ok := strings.CutSuffix(text, f.Old); ok {
		return before + f.New
	}
	return strings.ReplaceAll(text, f.Old, f.New)
}

// ApplyJSON mends a message body that holds the earlier transcript in a string.
func (f Fix) ApplyJSON(body []byte) []byte {
	return bytes.ReplaceAll(body, inJSON(f.Old), inJSON(f.New))
}

// inJSON is s as it stands inside a JSON string.
func inJSON(s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return []byte(s) // unreachable: every string encodes
	}
	quoted := bytes.TrimSpace(b.Bytes())
	return quoted[1 : len(quoted)-1]
}

// Next masks a final transcript and says which earlier ones it completes. Transcripts without figures may lie
// between, and a few words at the seams.
func (s *Stream) Next(text string) (masked string, earlier []Fix) {
	masked, spans := s.read(text)
	for i, heard := range s.Tail {
		if heard.Other || spans[i] == nil {
			continue
		}
		back := 1
		for _, later := range s.Tail[i+1:] {
			if !later.Other {
				back++
			}
		}
		mended := splice(heard.Text, spans[i])
		earlier = append(earlier, Fix{Back: back, Old: heard.Text, New: mended})
		s.Tail[i].Text = mended
	}
	s.remember(Heard{Text: masked})
	return masked, earlier
}

// Partial masks a partial transcript in the light of what was said before, and remembers nothing: the final one
// repeats its words.
func (s *Stream) Partial(text string) string {
	masked, _ := s.read(text)
	return masked
}

// Asked tells the stream what the other speaker has said: "and the code on the back?" makes "one two three" a code.
// Only such words are remembered.
func (s *Stream) Asked(text string) {
	var f finder
	f.reset(text)
	f.mute = true
	f.scan(0, len(text))
	var marks []string
	for kind, word := range [...]string{"cvv", "ssn", "card"} {
		if len(f.marks[kind]) > 0 {
			marks = append(marks, word)
		}
	}
	if marks != nil {
		s.remember(Heard{Text: strings.Join(marks, " "), Other: true})
	}
}

// read masks text and returns the spans that the earlier texts get by it, by index.
func (s *Stream) read(text string) (string, [][]span) {
	masked := Text(text)
	var b strings.Builder
	turns := make([]turn, 0, len(s.Tail)+1)
	for _, heard := range append(slices.Clip(s.Tail), Heard{Text: masked}) {
		turns = append(turns, turn{b.Len(), b.Len() + len(heard.Text), heard.Other})
		b.WriteString(heard.Text)
	}
	var f finder
	f.converse(b.String(), turns)
	spans := make([][]span, len(turns))
	for _, sp := range tidy(f.spans) {
		lo := turns[sp.part].start
		spans[sp.part] = append(spans[sp.part], span{sp.start - lo, sp.end - lo, 0, sp.mask})
	}
	return splice(masked, spans[len(turns)-1]), spans
}

// remember keeps the end of what was heard, and lets go of the oldest.
func (s *Stream) remember(h Heard) {
	const most = 200
	if cut := len(h.Text) - most; cut > 0 {
		// From the next blank on: half a mask would be read as figures.
		if blank := strings.IndexByte(h.Text[cut:], ' '); blank >= 0 {
			h.Text = h.Text[cut+blank:]
		} else {
			h.Text = ""
		}
	}
	s.Tail = append(s.Tail, h)
	total := 0
	for _, t := range s.Tail {
		total += len(t.Text)
	}
	for len(s.Tail) > streamTexts || total > streamBytes {
		total -= len(s.Tail[0].Text)
		s.Tail = s.Tail[1:]
	}
}

// speakers are the names at the beginning of a transcript's lines, as Vapi and its customers write them.
var speakers = [...]struct {
	name string
	user bool
}{{"User:", true}, {"Customer:", true}, {"Caller:", true}, {"AI:", false}, {"Assistant:", false}, {"Bot:", false}, {"Agent:", false}}

// conversation splits the text that was just read into turns, if it is a transcript with speakers and the
// user's figures come in more than one turn, or come where another speaker asked.
func (f *finder) conversation() []turn {
	if !f.numberSeen || f.lenient || strings.IndexByte(f.s, '\n') < 0 {
		return nil
	}
	var turns []turn
	at, users := 0, 0
	for line := range strings.Lines(f.s) {
		for _, sp := range speakers {
			if !strings.HasPrefix(line, sp.name) {
				continue
			}
			turns = append(turns, turn{at + len(sp.name), at + len(line), !sp.user})
			if sp.user {
				users++
			}
			break
		}
		at += len(line)
		if len(turns) > 0 {
			turns[len(turns)-1].end = at
		}
	}
	if users == 0 || len(turns) < 2 {
		return nil
	}
	return turns
}
