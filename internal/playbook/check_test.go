package playbook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hookswitch/hookswitch/internal/playbook"
)

// shipped returns a tool of a playbook that ships.
func shipped(t testing.TB, book, tool string) *playbook.Tool {
	t.Helper()
	p, err := playbook.Shipped(book)
	if err != nil {
		t.Fatal(err)
	}
	found, ok := p.Tool(tool)
	if !ok {
		t.Fatalf("%s has no tool %s", book, tool)
	}
	return found
}

const completeLead = `{"firstName":"Ann","lastName":"Lee","phone":"555-867-5309","propertyType":"House","budget":"450k","location":"Austin","timeline":"within the next month"}`

// mission-part: P5.1
func TestLeadArgumentsAreNormalised(t *testing.T) {
	want := map[string]any{
		"firstName": "Ann", "lastName": "Lee", "phone": "+15558675309", "propertyType": "house",
		"budget": 450000.0, "location": "Austin", "timeline": "immediate",
	}
	quoted, _ := json.Marshal(completeLead)
	for _, sent := range []string{
		completeLead, string(quoted), strings.Replace(completeLead, `"450k"`, `450000`, 1),
		strings.Replace(completeLead, `"450k"`, `"four hundred fifty thousand"`, 1), strings.Replace(completeLead, `"Ann"`, `" Ann\u0000 "`, 1),
	} {
		got, faults := shipped(t, "real-estate", "create_lead").Args.Check(json.RawMessage(sent), nil)
		if len(faults) > 0 {
			t.Errorf("%s: got %v, want no faults", sent, faults)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", sent, diff)
		}
	}
}

// mission-part: P5.1
func TestIncompleteLeadSaysWhatToAskNext(t *testing.T) {
	tool := shipped(t, "real-estate", "create_lead")
	for _, c := range []struct {
		name, sent string
		want       []playbook.ArgFault
	}{
		{"empty text", ``, nil}, // every argument: counted below
		{"null", `null`, nil},
		{"empty string", `""`, nil},
		{"blank and null are absent", strings.NewReplacer(`"Lee"`, `"  "`, `"Austin"`, `null`).Replace(completeLead), []playbook.ArgFault{
			{Path: "lastName", Problem: "is missing", Ask: "And your last name?"},
			{Path: "location", Problem: "is missing", Ask: "Where are you looking?"},
		}},
		{"malformed values", strings.NewReplacer(`"555-867-5309"`, `"12"`, `"House"`, `"castle"`, `"450k"`, `"400 to 500k"`).Replace(completeLead), []playbook.ArgFault{
			{Path: "phone", Problem: "is not a telephone number that could exist", Ask: "Which number can we reach you on?"},
			{Path: "propertyType", Problem: "must be one of house, condo, land", Ask: "Are you looking for a house, a condo, or land?"},
			{Path: "budget", Problem: "must be a number", Ask: "What is your budget?"},
		}},
		{"no money", strings.Replace(completeLead, `"450k"`, `0`, 1), []playbook.ArgFault{
			{Path: "budget", Problem: "must be more than 0", Ask: "What is your budget?"},
		}},
		{"objects for text", strings.Replace(completeLead, `"Ann"`, `{"first":"Ann"}`, 1), []playbook.ArgFault{
			{Path: "firstName", Problem: "must be text", Ask: "What is your first name?"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args, faults := tool.Args.Check(json.RawMessage(c.sent), &playbook.Env{Language: "en"})
			if c.want == nil {
				if len(faults) != 7 || faults[0].Path != "firstName" || faults[6].Path != "timeline" {
					t.Errorf("got %v, want all seven arguments, in order", faults)
				}
				return
			}
			if diff := cmp.Diff(c.want, faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			for _, f := range faults {
				if _, ok := args[f.Path]; ok {
					t.Errorf("%s is faulty and was returned", f.Path)
				}
			}
		})
	}
}

func TestQuestionsAreInTheCallersLanguage(t *testing.T) {
	_, faults := shipped(t, "real-estate", "create_lead").Args.Check(nil, &playbook.Env{Language: "de-AT"})
	if got, want := faults[0].Ask, "Wie ist Ihr Vorname?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBrokenArgumentsAreOneFault(t *testing.T) {
	tool := shipped(t, "real-estate", "create_lead")
	for _, sent := range []string{`[]`, `7`, `{`, `{} {}`, `"not json"`, `"\"twice quoted\""`, "{\"firstName\":\"" + strings.Repeat("a", 70_000) + "\"}"} {
		if args, faults := tool.Args.Check(json.RawMessage(sent), nil); len(faults) != 1 || len(args) != 0 {
			t.Errorf("%.30s: got %v and %v, want one fault and no arguments", sent, args, faults)
		}
	}
}

// The model may send what it likes: what was not declared reaches nothing.
// mission-part: A.2
func TestUndeclaredArgumentsAreDropped(t *testing.T) {
	tool := shipped(t, "real-estate", "create_lead")
	sent := strings.Replace(completeLead, "{", `{"OwnerId":"005000000000001","caller":{"number":"+15550000000"},"call":{"id":"other"},"LeadSource":"Web",`, 1)
	args, faults := tool.Args.Check(json.RawMessage(sent), nil)
	if len(faults) > 0 || len(args) != 7 {
		t.Fatalf("got %v and %v, want the seven declared arguments", args, faults)
	}
	env := &playbook.Env{Args: args, Call: playbook.Call{ID: "c1"}, Caller: playbook.Caller{Number: "+15551230000"}}
	for i, want := range []string{"call|c1", "caller|+15551230000"} {
		if key, ok, err := tool.Claims[i].Held(env); key != want || !ok || err != nil {
			t.Errorf("got claim %q %v %v, want %q", key, ok, err, want)
		}
	}
	fields, err := tool.Writes[0].Map(env)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		if f.Name == "OwnerId" || f.Name == "LeadSource" && f.Value != "Voice AI" {
			t.Errorf("the model set %s to %v", f.Name, f.Value)
		}
	}
}

func TestNumbersKeepTheirDigitsAsText(t *testing.T) {
	tool := shipped(t, "customer-support", "create_case")
	args, faults := tool.Args.Check(json.RawMessage(`{"accountNumber":90071992547409931,"issueType":"Invoice","description":"Billed twice","secondCase":"yes"}`), nil)
	want := map[string]any{"accountNumber": "90071992547409931", "issueType": "billing", "description": "Billed twice", "secondCase": true}
	if diff := cmp.Diff(want, args); diff != "" || len(faults) > 0 {
		t.Errorf("%v (-want +got):\n%s", faults, diff)
	}
}

func TestSchemaForTheModelHasNothingOfOurs(t *testing.T) {
	for _, book := range []string{"real-estate", "customer-support"} {
		p, err := playbook.Shipped(book)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range p.Tools {
			text := string(tool.Schema())
			for _, ours := range []string{`"ask"`, `"synonyms"`, `"normalise"`, `"also"`} {
				if strings.Contains(text, ours) {
					t.Errorf("%s.%s: the schema has %s", book, tool.Name, ours)
				}
			}
		}
	}
	want := `{"type":"object","properties":{"firstName":{"type":"string","maxLength":40},"lastName":{"type":"string","maxLength":80},` +
		`"phone":{"type":"string","maxLength":40},"propertyType":{"type":"string","enum":["house","condo","land"]},` +
		`"budget":{"type":"number","exclusiveMinimum":0,"maximum":1000000000,"description":"The budget as a number, without a currency."},` +
		`"location":{"type":"string","minLength":2,"maxLength":255},"timeline":{"type":"string","enum":["immediate","1-3months","3-6months"]}},` +
		`"required":["firstName","lastName","phone","propertyType","budget","location","timeline"],"additionalProperties":false}`
	if diff := cmp.Diff(want, string(shipped(t, "real-estate", "create_lead").Schema())); diff != "" {
		t.Errorf("schema (-want +got):\n%s", diff)
	}
}

func BenchmarkCreateLead(b *testing.B) {
	tool := shipped(b, "real-estate", "create_lead")
	raw := json.RawMessage(completeLead)
	env := &playbook.Env{Call: playbook.Call{ID: "c1"}, Caller: playbook.Caller{Number: "+15551230000"}, Today: "2026-11-20"}
	b.ReportAllocs()
	for b.Loop() {
		args, faults := tool.Args.Check(raw, env)
		if len(faults) > 0 {
			b.Fatal(faults)
		}
		env.Args = args
		if _, err := tool.Writes[0].Map(env); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNestedArgumentsAreCheckedAndNamed(t *testing.T) {
	p, err := playbook.Parse("p.yaml", []byte(`
name: nested
tools:
  - name: move
    description: Moves.
    arguments:
      required: [address]
      properties:
        address:
          type: object
          required: [city]
          properties:
            city: {type: string, ask: "Which city?"}
            units: {type: integer, also: [count]}
        tags: {type: array, maxItems: 2, items: {type: string, enum: [red, blue]}}
    writes:
      - {name: account, object: Account, fields: {Name: "{args.address.city} {args.address.units}", Description: '=join(args.tags, "+")'}}
    words: [{say: Hm.}]
`))
	if err != nil {
		t.Fatal(err)
	}
	tool, _ := p.Tool("move")
	args, faults := tool.Args.Check(json.RawMessage(`{"address":{"city":"Austin","count":"twelve","extra":1},"tags":"Red"}`), nil)
	want := map[string]any{"address": map[string]any{"city": "Austin", "units": int64(12)}, "tags": []any{"red"}}
	if diff := cmp.Diff(want, args); diff != "" || len(faults) > 0 {
		t.Fatalf("%v (-want +got):\n%s", faults, diff)
	}
	fields, err := tool.Writes[0].Map(&playbook.Env{Args: args})
	if err != nil || fields[0].Value != "Austin 12" || fields[1].Value != "red" {
		t.Errorf("got %v %v, want the nested values", fields, err)
	}
	_, faults = tool.Args.Check(json.RawMessage(`{"address":{"units":1.5},"tags":["red","green","blue"]}`), nil)
	wantFaults := []playbook.ArgFault{
		{Path: "address.city", Problem: "is missing", Ask: "Which city?"},
		{Path: "address.units", Problem: "must be a whole number", Ask: "Could you tell me the units?"},
		{Path: "tags", Problem: "takes at most 2 entries", Ask: "Could you tell me the tags?"},
	}
	if diff := cmp.Diff(wantFaults, faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}
