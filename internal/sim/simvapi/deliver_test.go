package simvapi

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestACopyArrivesAtTheSameTimeWithTheSameIDs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		now, most := 0, 0
		d := &desk{}
		d.answer = func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
			if m["type"] == "tool-calls" {
				d.mu.Lock()
				now++
				most = max(most, now)
				d.mu.Unlock()
				time.Sleep(time.Second)
				d.mu.Lock()
				now--
				d.mu.Unlock()
			}
			_, _ = io.WriteString(w, properly(m))
		}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "tool-calls", Times: 1, Copies: 2})
		k.Asks(t.Context(), "get_case", nil, AskOptions{ID: "call_1"})
		k.Asks(t.Context(), "get_case", nil, AskOptions{ID: "call_2"})
		c.Wait()
		got := d.messages("tool-calls")
		if len(got) != 4 || most != 3 {
			t.Fatalf("%d deliveries, %d at once; want 4, of which 3 at once", len(got), most)
		}
		if !cmp.Equal(got[0], got[1]) || !cmp.Equal(got[0], got[2]) {
			t.Errorf("copies differ: %s", cmp.Diff(got[0], got[1]))
		}
		var copies int
		for _, h := range k.Hears() {
			if h.Copy {
				copies++
			}
		}
		if len(k.Hears()) != 4 || copies != 2 {
			t.Errorf("heard %d, of which %d copies; want 4 and 2", len(k.Hears()), copies)
		}
	})
}

func TestACopyArrivesLater(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "end-of-call-report", Copies: 1, CopiesAfter: 30 * time.Second})
		k.HangsUp(t.Context(), "customer-ended-call")
		if n := len(d.messages("end-of-call-report")); n != 1 {
			t.Fatalf("%d reports at once, want 1", n)
		}
		c.Wait()
		reports := d.messages("end-of-call-report")
		if len(reports) != 2 || d.at[len(d.at)-1].Sub(d.at[len(d.at)-2]) != 30*time.Second {
			t.Fatalf("reports %d at %v, want a second after 30s", len(reports), d.at)
		}
		url := func(i int) any { return reports[i]["artifact"].(map[string]any)["presignedMonoUrl"] }
		if url(0) == nil || url(0) == url(1) {
			t.Errorf("presigned URLs %v and %v, want two", url(0), url(1))
		}
	})
}

func TestOtherWordsToACopyAreSuspicious(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n atomic.Int64
		d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
			if m["type"] == "tool-calls" {
				fmt.Fprintf(w, `{"results":[{"toolCallId":"call_1","name":"create_case","result":"Case %d."}]}`, n.Add(1))
			}
		}}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "tool-calls", Copies: 1, CopiesAfter: time.Second})
		k.Asks(t.Context(), "create_case", nil, AskOptions{ID: "call_1"})
		c.Wait()
		heard := k.Hears()
		if last := heard[len(heard)-1]; !last.Copy || !has(last.Suspicious, "other words than another delivery of the same call heard: Case 1.") {
			t.Errorf("got %+v, want the difference named", last)
		}
	})
}

func TestHeldEventsArriveAfterLaterOnes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{ServerMessages: []string{"status-update", "end-of-call-report"}})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "status-update", Times: 1, Hold: 1})
		k.HangsUp(t.Context(), "customer-ended-call")
		want := []string{"status-update queued", "status-update ringing", "status-update in-progress", "end-of-call-report", "status-update ended"}
		if diff := cmp.Diff(want, d.order()); diff != "" {
			t.Error(diff)
		}
		last := d.messages("")
		if last[4]["timestamp"].(float64) > last[3]["timestamp"].(float64) {
			t.Error("the held event is younger than the one that overtook it")
		}
	})
}

func TestHeldEventsArriveAtTheLatestWithTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "transcript", Times: 1, Hold: 1000})
		k.Says(t.Context(), "user", "Hello")
		k.HangsUp(t.Context(), "")
		if order := d.order(); order[len(order)-1] != "transcript" {
			t.Errorf("got %v, want the transcript last", order)
		}
	})
}

func TestAnAskIsNeverHeldBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := account(&desk{}, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Hold: 5})
		if h := k.Asks(t.Context(), "get_case", nil, AskOptions{}); h.Via != ViaModel {
			t.Errorf("got %+v, want an answer", h)
		}
	})
}

func TestADroppedResponseReachedTheServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "tool-calls", Times: 1, DropResponse: true})
		h := k.Asks(t.Context(), "get_case", nil, AskOptions{})
		if n := len(d.messages("tool-calls")); n != 1 || h.Via != ViaFailure || h.Status != 0 {
			t.Errorf("server saw %d, caller heard %+v; want one request and a failure", n, h)
		}
		if got := c.Violations(); len(got) > 0 {
			t.Errorf("violations %q, want none: the server did nothing wrong", got)
		}
	})
}

func TestACutConnectionEndsTheServersRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		cut := make(chan time.Duration, 1)
		d := &desk{answer: func(_ http.ResponseWriter, r *http.Request, m map[string]any) {
			if m["type"] == "tool-calls" {
				began := time.Now()
				<-r.Context().Done()
				cut <- time.Since(began)
			}
		}}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "tool-calls", CutAfter: 300 * time.Millisecond})
		k.Asks(t.Context(), "get_case", nil, AskOptions{})
		if took := <-cut; took != 300*time.Millisecond {
			t.Errorf("cut after %s, want 300ms", took)
		}
	})
}

func TestALostReportIsNeverSent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "end-of-call-report", Lose: true})
		k.HangsUp(t.Context(), "")
		if n := c.Counts()["end-of-call-report"]; n != 0 || len(d.messages("end-of-call-report")) != 0 {
			t.Errorf("sent %d, want none", n)
		}
	})
}

func TestASlowNetworkDelaysBothWays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		c := account(d, Options{})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		c.Inject(Fault{Kind: "tool-calls", Slow: 2 * time.Second, SlowAnswer: 3 * time.Second})
		began := time.Now()
		h := k.Asks(t.Context(), "get_case", nil, AskOptions{})
		if d.at[len(d.at)-1].Sub(began) != 2*time.Second || h.Took != 3*time.Second || h.Via != ViaModel {
			t.Errorf("arrived at +%s, took %s (%s); want 2s and 3s", d.at[len(d.at)-1].Sub(began), h.Took, h.Via)
		}
	})
}

func TestNothingIsRetriedWithoutAPlan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, _ map[string]any) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}}
		c := account(d, Options{})
		c.Ring(t.Context(), Caller{Number: "+15550100100"}).HangsUp(t.Context(), "")
		if n := c.Counts()["end-of-call-report"]; n != 1 {
			t.Errorf("%d reports, want 1", n)
		}
	})
}

func TestAPlanRetriesWhatWasNot2xx(t *testing.T) {
	tests := []struct {
		plan     Backoff
		statuses []int
		want     []time.Duration
	}{
		{Backoff{MaxRetries: 3, BaseDelay: time.Second}, []int{500, 503, 200}, []time.Duration{0, time.Second, 2 * time.Second}},
		{Backoff{Type: "exponential", MaxRetries: 3, BaseDelay: time.Second}, []int{500, 500, 500, 500}, []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second}},
		{Backoff{MaxRetries: 3, BaseDelay: time.Second, Excluded: []int{401}}, []int{500, 401}, []time.Duration{0, time.Second}},
		{Backoff{MaxRetries: 1, BaseDelay: time.Second}, []int{302, 200}, []time.Duration{0, time.Second}},
	}
	for _, tt := range tests {
		bubble(t, func(t *testing.T) {
			var n atomic.Int64
			d := &desk{answer: func(w http.ResponseWriter, _ *http.Request, m map[string]any) {
				if m["type"] == "end-of-call-report" {
					w.WriteHeader(tt.statuses[n.Add(1)-1])
				}
			}}
			c := account(d, Options{Retry: tt.plan, ServerMessages: []string{"end-of-call-report"}})
			c.Ring(t.Context(), Caller{Number: "+15550100100"}).HangsUp(t.Context(), "")
			var got []time.Duration
			for _, at := range d.at {
				got = append(got, at.Sub(d.at[0]))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%+v: sent at %v, want %v", tt.plan, got, tt.want)
			}
			if last := c.Deliveries()[0]; last.Attempts != len(tt.want) || last.Status != tt.statuses[len(tt.statuses)-1] {
				t.Errorf("got %+v, want %d attempts", last, len(tt.want))
			}
		})
	}
}

func TestForgedDeliveriesMayBeRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &desk{}
		d.answer = func(w http.ResponseWriter, r *http.Request, m map[string]any) {
			if r.Header.Get("X-Vapi-Secret") != "right secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_, _ = io.WriteString(w, properly(m))
		}
		c := account(d, Options{Auth: VapiSecret("right secret")})
		k := c.Ring(t.Context(), Caller{Number: "+15550100100"})
		for _, f := range []Fault{{Times: 1, Kind: "tool-calls", BadSignature: true}, {Times: 1, Kind: "tool-calls", Unsigned: true}} {
			c.Inject(f)
			if h := k.Asks(t.Context(), "get_case", nil, AskOptions{}); h.Status != 401 || h.Via != ViaFailure {
				t.Errorf("%+v: got %+v, want 401", f, h)
			}
		}
		if h := k.Asks(t.Context(), "get_case", nil, AskOptions{}); h.Status != 200 || len(c.Violations()) > 0 {
			t.Errorf("got %+v, %q, want the true one taken and none blamed", h, c.Violations())
		}
	})
}

func TestFaultsChooseTheirDeliveries(t *testing.T) {
	c := account(&desk{}, Options{})
	c.Inject(Fault{Kind: "a", Times: 2, Slow: 1})
	c.Inject(Fault{Call: "k", Slow: 2})
	var got []time.Duration
	for _, on := range [][2]string{{"b", "j"}, {"a", "j"}, {"b", "k"}, {"a", "k"}, {"a", "k"}, {"a", "j"}} {
		got = append(got, c.fault(on[0], on[1]).Slow)
	}
	if want := []time.Duration{0, 1, 2, 1, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Mend()
	if f := c.fault("b", "k"); !reflect.DeepEqual(f, Fault{}) {
		t.Errorf("got %+v after Mend, want none", f)
	}
}
