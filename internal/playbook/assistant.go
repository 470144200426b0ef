package playbook

import (
	"fmt"
	"strings"
	"time"
)

// Assistant is how the assistant is set up at Vapi: the fields that Vapi has today, in our spelling.
// What is pushed is made from it. The prompt and the messages are the assistant's own and may have
// Vapi's {{variables}}; they are not evaluated here.
type Assistant struct {
	Prompt          string
	FirstMessage    *Text // nil: the assistant waits for the caller
	EndMessage      *Text
	Model           Model
	Voice           Voice
	Transcriber     Transcriber
	BackgroundSound string        // off, office, or an address
	Silence         time.Duration // until a silent call ends
	MaxDuration     time.Duration
	Noisy           bool // the preset for noisy lines: denoising, and more words to interrupt
	Analysis        Analysis
}

// Model is the language model.
type Model struct {
	Provider, Model string
	Temperature     float64
}

// Voice is the text-to-speech voice.
type Voice struct {
	Provider, ID               string
	Stability, SimilarityBoost float64
}

// Transcriber is the speech-to-text model. An empty language is the caller's preferred one.
type Transcriber struct {
	Provider, Model, Language string
	SmartFormat               bool
}

// Analysis is what Vapi works out after the call.
type Analysis struct{ Summary, Success bool }

// assistant reads the assistant; what is left out has the shipped defaults.
// The bounds are Vapi's (API reference, CreateAssistantDTO). What Vapi would refuse at a push is
// better told beside its line.
func (b *builder) assistant(root *object) *Assistant {
	n, ok := root.get("assistant")
	// An assistant that is left out is one whose every field is.
	o := (&object{node: n})
	if ok {
		o = n.object()
	}
	a := &Assistant{
		Prompt:          strings.TrimSpace(o.text("prompt")),
		FirstMessage:    b.said(o, "first_message"),
		EndMessage:      b.said(o, "end_message"),
		BackgroundSound: o.oneOf("background_sound", "off", "office"),
		Silence:         o.span("silence", 30*time.Second, time.Hour),
		MaxDuration:     o.span("max_duration", 600*time.Second, 12*time.Hour),
		Noisy:           o.flag("noisy"),
	}
	model := part(o, "model")
	a.Model = Model{Provider: word(model, "provider", "openai"), Model: word(model, "model", "gpt-4o"), Temperature: model.between("temperature", 0.7, 0, 2)}
	voice := part(o, "voice")
	a.Voice = Voice{
		Provider: word(voice, "provider", "11labs"), ID: word(voice, "id", "21m00Tcm4TlvDq8ikWAM"),
		Stability: voice.between("stability", 0.5, 0, 1), SimilarityBoost: voice.between("similarity_boost", 0.75, 0, 1),
	}
	ears := part(o, "transcriber")
	a.Transcriber = Transcriber{Provider: word(ears, "provider", "deepgram"), Model: word(ears, "model", "nova-3"), Language: ears.text("language"), SmartFormat: true}
	if _, given := ears.get("smart_format"); given {
		a.Transcriber.SmartFormat = ears.flag("smart_format")
	}
	analysis := part(o, "analysis")
	a.Analysis = Analysis{Summary: true, Success: analysis.flag("success")}
	if _, given := analysis.get("summary"); given {
		a.Analysis.Summary = analysis.flag("summary")
	}
	for _, p := range []*object{model, voice, ears, analysis, o} {
		p.close()
	}
	if a.MaxDuration > 0 && a.MaxDuration < 10*time.Second {
		n.fault(fmt.Sprintf("max_duration is %v; Vapi takes 10s to 12h", a.MaxDuration), "")
	}
	return a
}

// part is a mapping within the assistant; one that is left out is empty.
func part(o *object, name string) *object {
	if n, ok := o.get(name); ok {
		return n.object()
	}
	return &object{node: node{src: o.src, path: join(o.path, name)}}
}

// word is a text that has a default: an empty one is as good as none.
func word(o *object, name, otherwise string) string {
	if w := o.text(name); w != "" {
		return w
	}
	return otherwise
}

// said reads words that the assistant says by itself. They may promise nothing.
func (b *builder) said(o *object, name string) *Text {
	n, ok := o.get(name)
	if !ok || b.plain == nil {
		return nil
	}
	t := b.plain.words(n)
	b.truth.free(t)
	return t
}
