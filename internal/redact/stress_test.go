package redact

import (
	"strings"
	"testing"
	"time"
)

// TestHostileBodiesAreCheap: a quarter of the most that a door reads, made to be expensive. Times
// that grow with the square of the length would take minutes.
func TestHostileBodiesAreCheap(t *testing.T) {
	const size = 1 << 18
	bodies := map[string]string{}
	for _, p := range []string{
		"cvv 123 ", "cvv ", "123 ", "4 ", "AI: 4\nUser: 4111 1\n", "for ", "four ", "four thousand ", "social 123456789 ", "4111 1111 1111 1111 ",
		"eyJa.", "-----BEGIN RSA PRIVATE KEY-----", "GB82 ", "password: ", "[card", "card 411111111111111 ", "00000000 ",
	} {
		bodies[p] = strings.Repeat(p, size/len(p))
	}
	for _, p := range []string{`{"role":"user","message":"4111 1111"}`, `"[[[[1"`, `"\"[\\\"["`, `{"content":"a","role":"system"}`} {
		bodies[p] = "[" + strings.Repeat(p+",", size/(len(p)+1)) + "1]"
	}
	const deep = 9000
	bodies["deep lists"] = strings.Repeat("[", size)
	bodies["deep system messages"] = strings.Repeat(`{"role":"system","content":`, deep) + `"a"` + strings.Repeat("}", deep)
	bodies["deep system messages, role last"] = strings.Repeat(`{"content":`, deep) + `"a"` + strings.Repeat(`,"role":"system"}`, deep)
	for name, body := range bodies {
		begin := time.Now()
		JSON([]byte(body))
		Text(body)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v, want far less than 5s", name, took)
		}
		if testing.Verbose() {
			t.Logf("%-40q %v", name, time.Since(begin))
		}
	}
}
