package world_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookswitch/hookswitch/internal/sim/simvapi"
	"github.com/hookswitch/hookswitch/internal/world"
)

func TestSmoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		w := world.New(world.Options{Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Cloud: simvapi.Options{ServerMessages: simvapi.EveryServerMessage()}})
		if err := w.Start(ctx); err != nil {
			t.Fatal(err)
		}
		w.Org.Put("Account", map[string]any{"Name": "Acme", "AccountNumber": "AC-1001"})
		c := w.Cloud.Ring(ctx, simvapi.Caller{Number: "+15550100142"})
		h := c.Asks(ctx, "create_lead", map[string]any{"firstName": "Ada", "lastName": "Byron", "phone": "555-867-5309", "propertyType": "house", "budget": "450k", "location": "Austin", "timeline": "within the next month"}, simvapi.AskOptions{})
		t.Logf("%+v", h)
		h = c.Asks(ctx, "create_case", map[string]any{"accountNumber": "AC-1001", "issueType": "billing", "description": "charged twice"}, simvapi.AskOptions{})
		t.Logf("%+v", h)
		c.HangsUp(ctx, "")
		c2 := w.Cloud.Ring(ctx, simvapi.Caller{Number: "+15550100143"})
		h = c2.Asks(ctx, "createSalesforceCase", map[string]any{"accountNumber": "ac 1001", "issueType": "invoice", "description": "charged twice!"}, simvapi.AskOptions{})
		t.Logf("%+v", h)
		h = c2.Asks(ctx, "find_case", map[string]any{"caseNumber": "1026"}, simvapi.AskOptions{})
		t.Logf("%+v", h)
		h = c2.Asks(ctx, "add_case_comment", map[string]any{"caseNumber": "1026", "comment": "It was on Monday"}, simvapi.AskOptions{})
		t.Logf("%+v", h)
		c2.HangsUp(ctx, "")
		time.Sleep(time.Minute)
		for _, e := range w.Org.Ledger() {
			t.Logf("%+v", e)
		}
		for _, v := range w.Cloud.Violations() {
			t.Errorf("violation: %s", v)
		}
		_ = w.Stop(context.Background())
		w.Close()
	})
}
