package redact

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// schemes are beginnings and lengths of cards, for making some.
var schemes = []struct {
	prefix string
	n      int
}{{"4", 16}, {"4", 19}, {"51", 16}, {"2720", 16}, {"34", 15}, {"37", 15}, {"36", 14}, {"6011", 16}, {"3528", 16}, {"62", 17}, {"6759", 18}}

// card makes a card number.
func card(r *rand.Rand) string {
	s := schemes[r.IntN(len(schemes))]
	d := []byte(s.prefix)
	for len(d) < s.n {
		d = append(d, byte('0'+r.IntN(10)))
	}
	for !luhn(d) {
		d[s.n-1] = '0' + (d[s.n-1]-'0'+1)%10
	}
	return string(d)
}

var (
	digitWords = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	gaps       = []string{" ", "-", ", ", ". ", " - ", "  ", "/", " uh ", " and ", "\n", "\u00a0", " dash "}
)

// say writes a number as a caller, a transcriber or a typist may.
func say(r *rand.Rand, digits string) string {
	var b strings.Builder
	gap := gaps[r.IntN(len(gaps))]
	for i := 0; i < len(digits); {
		if i > 0 && (b.Len() == 0 || r.IntN(3) > 0) {
			b.WriteString(gap)
		} else if i > 0 {
			b.WriteString(" ")
		}
		run := 1
		for run < 4 && i+run < len(digits) && digits[i+run] == digits[i] {
			run++
		}
		d := digitWords[digits[i]-'0']
		switch k := min(1+r.IntN(6), len(digits)-i); r.IntN(4) {
		case 0:
			if run > 1 && run < 4 {
				b.WriteString([]string{"", "", "double ", "triple "}[run] + d)
				i += run
				continue
			}
			fallthrough
		case 1:
			b.WriteString(strings.ToUpper(d[:1]) + d[1:])
			i++
		default:
			b.WriteString(digits[i : i+k])
			i += k
		}
	}
	return b.String()
}

// FuzzText: no card that was put in comes out, in any form; masking twice is masking once.
func FuzzText(f *testing.F) {
	for i, s := range []string{"my card is ", "cvv 123 ", "+1 415 555 0100 ", "social 123 45 ", "AI: card?\nUser: ", "[card •••• 12", "sk_live_", "eyJ", "0.", "for to one"} {
		f.Add(s, uint64(i), " thanks")
	}
	f.Fuzz(func(t *testing.T, before string, seed uint64, after string) {
		for _, s := range []string{before, after, before + after, before + " " + after} {
			once := Text(s)
			if twice := Text(once); twice != once {
				t.Fatalf("%q:\nonce  %q\ntwice %q", s, once, twice)
			}
		}
		r := rand.New(rand.NewPCG(seed, 1))
		digits := card(r)
		said := say(r, digits)
		// Words on both sides, so that nothing in before or after belongs to the number.
		got := Text(before + " it is (" + said + ") it is " + after)
		if strings.Contains(got, "("+said+")") || len(digits) < 16 && strings.Contains(got, digits) {
			t.Fatalf("%q stays in %q", said, got)
		}
	})
}

// FuzzJSON: JSON stays JSON, twice is once, and no number that is a card comes out.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":"4111 1111 1111 1111"}`, `{"a":"{\"cvv\":\"123\"}"}`, `[4111111111111111]`, `{"role":"system","content":["x",{"y":1}]}`,
		`{"messages":[{"role":"user","message":"4111 1111"},{"role":"user","message":"1111 1111"}]}`, `"\u00344\ud83d\ude00"`, `{"headers":{"a":[1,null]}}`,
		`{"content":"a","role":"system","content":"b"}`, `{"password":"","token":-1e5}`, `[[[[]]]]`, `"\"4111111111111111\""`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		once := JSON(body)
		if json.Valid(body) && !json.Valid(once) {
			t.Fatalf("%q: got %q, no JSON", body, once)
		}
		if twice := JSON(once); json.Valid(body) && string(twice) != string(once) {
			t.Fatalf("%q:\nonce  %q\ntwice %q", body, once, twice)
		}
		var v any
		dec := json.NewDecoder(strings.NewReader(string(once)))
		dec.UseNumber()
		if json.Valid(body) && dec.Decode(&v) == nil {
			noCards(t, v)
		}
	})
}

// noCards looks at every value, with eyes of its own.
func noCards(t *testing.T, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			noCards(t, item)
		}
	case []any:
		for _, item := range v {
			noCards(t, item)
		}
	case json.Number:
		if isCard([]byte(v)) && digitsOnly(string(v)) {
			t.Fatalf("the number %s stays", v)
		}
	case string:
		if digitsOnly(v) && isCard([]byte(v)) {
			t.Fatalf("the text %q stays", v)
		}
	}
}

// FuzzStream: whatever is said before, a card in two transcripts is gone from both.
func FuzzStream(f *testing.F) {
	f.Add("hello", uint64(1))
	f.Add("415 555 0100", uint64(2))
	f.Fuzz(func(t *testing.T, before string, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		digits := card(r)
		cut := 1 + r.IntN(len(digits)-2)
		first, second := say(r, digits[:cut]), say(r, digits[cut:])
		if len(digits) == 17 || len(digits) == 18 {
			return // lengths that only a whole run may have
		}
		var s Stream
		s.Next(before)
		// More words than may stand at a seam, so that nothing in before belongs to the number.
		masked1, _ := s.Next("well now let me see if it is " + first)
		masked2, fixes := s.Next(second)
		for _, fix := range fixes {
			if fix.Back == 1 {
				masked1 = fix.Apply(masked1)
			}
		}
		// Most of a number may be a card or a code by itself; what is left then says nothing.
		if strings.HasSuffix(masked1, first) {
			t.Fatalf("%q, %q stay in %q, %q", first, second, masked1, masked2)
		}
	})
}

// compact is a message of 8 KB as it comes over the wire.
func compact(b *testing.B, name string) []byte {
	b.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func BenchmarkJSON(b *testing.B) {
	for name, file := range map[string]string{"tool-calls": "testdata/tool-calls.wire-parallel-object-arguments.json", "report": "testdata/end-of-call-report.spec-full.json"} {
		body := []byte(strings.ReplaceAll(string(compact(b, file)), "You are the Acme support assistant.", "[prompt]"))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				JSON(body)
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	for name, s := range map[string]string{
		"prose":  strings.Repeat("I would like to move my appointment to next week if that is possible. ", 10),
		"phone":  "my number is 415 555 0100 and the case is 00001026",
		"spoken": "four one one one one one one one one one one one one one one one",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				Text(s)
			}
		})
	}
}
