package simvapi

import (
	"context"
	"maps"
	"time"
)

// Ending is how a call ends and what its report says. Only Reason is needed.
type Ending struct {
	Reason            string
	Summary           string
	StructuredData    map[string]any
	SuccessEvaluation string
	Transfers         []map[string]any // artifact.transfers
	Report            Report
}

// Report is where an end-of-call-report has its content.
type Report string

// Both is what captures show; Spec has only fields that the published description knows;
// Old is of 2024, everything at the top and the artifact empty.
const (
	ReportBoth Report = ""
	ReportSpec Report = "spec"
	ReportOld  Report = "old"
)

// HangsUp ends the call: status ended, and after post-processing the report.
func (k *Call) HangsUp(ctx context.Context, reason string) { k.Ends(ctx, Ending{Reason: reason}) }

// Ends ends the call as an Ending says. A call that has ended stays as it is.
func (k *Call) Ends(ctx context.Context, e Ending) { k.end(ctx, e, nil) }

// end ends the call once. The state changes before anything is sent, so that a control message
// in between finds no call; the report is built after post-processing, with what tools returned
// in the meantime.
func (k *Call) end(ctx context.Context, e Ending, own map[string]any) {
	e.Reason = orElse(e.Reason, "customer-ended-call")
	k.mu.Lock()
	if !k.over.IsZero() {
		k.mu.Unlock()
		return
	}
	k.over, k.reason = time.Now(), e.Reason
	k.analysis = e.analysis()
	k.mu.Unlock()
	fields := map[string]any{"endedReason": e.Reason}
	maps.Copy(fields, own)
	k.tellStatus(ctx, "ended", fields)
	if pause(ctx, k.cloud.o.ReportAfter) != nil {
		return
	}
	k.mu.Lock()
	report := k.reportOf(e)
	k.report = report
	k.mu.Unlock()
	k.tell(ctx, "end-of-call-report", report)
	k.release(ctx, 1<<30) // nothing is held back beyond the end
}

// analysis is what the model made of the call: often, and by default here, nothing.
func (e Ending) analysis() map[string]any {
	a := map[string]any{}
	if e.Summary != "" {
		a["summary"] = e.Summary
	}
	if e.StructuredData != nil {
		a["structuredData"] = e.StructuredData
	}
	if e.SuccessEvaluation != "" {
		a["successEvaluation"] = e.SuccessEvaluation // a text, whatever it holds
	}
	return a
}

// reportOf is the report's own fields. The caller holds k.mu; the call is over.
func (k *Call) reportOf(e Ending) map[string]any {
	art := k.artifact()
	art["transcript"] = k.transcript()
	art["variableValues"] = k.overrides["variableValues"]
	if e.Transfers != nil {
		art["transfers"] = e.Transfers
	}
	r := map[string]any{
		"endedReason": e.Reason, "artifact": art, "analysis": k.analysis,
		"cost": 0.0, "costs": []any{}, "endedAt": wireTime(k.over),
	}
	if k.destination != nil {
		r["destination"] = k.destination
	}
	if k.started.IsZero() { // never connected: no duration, nothing recorded
		return r
	}
	took := k.over.Sub(k.started)
	r["startedAt"] = wireTime(k.started)
	r["cost"], r["costs"] = k.costs(took)
	recording := "https://storage.vapi.ai/" + k.id
	art["recordingUrl"], art["stereoRecordingUrl"] = recording+"-mono.wav", recording+"-stereo.wav"
	art["recording"] = map[string]any{
		"stereoUrl": recording + "-stereo.wav",
		"mono": map[string]any{
			"combinedUrl": recording + "-mono.wav", "assistantUrl": recording + "-assistant.wav", "customerUrl": recording + "-customer.wav",
		},
	}
	// What follows is in captures and missing from the published description.
	if e.Report == ReportSpec {
		return r
	}
	maps.Copy(r, map[string]any{
		"durationMs": took.Milliseconds(), "durationSeconds": took.Seconds(), "durationMinutes": took.Minutes(),
		"costBreakdown": map[string]any{"total": r["cost"]}, "summary": e.Summary, "transcript": art["transcript"],
		"messages": art["messages"], "recordingUrl": art["recordingUrl"], "stereoRecordingUrl": art["stereoRecordingUrl"],
	})
	if e.Report == ReportOld {
		r["artifact"] = map[string]any{"messages": []any{}, "messagesOpenAIFormatted": []any{}}
	}
	return r
}

// costs are plausible and grow with the call.
func (k *Call) costs(took time.Duration) (float64, []any) {
	minutes := took.Minutes()
	transport, vapi := minutes*0.0085, minutes*0.05
	return transport + vapi, []any{
		map[string]any{"type": "transport", "provider": "twilio", "minutes": minutes, "cost": transport},
		map[string]any{"type": "vapi", "subType": "normal", "minutes": minutes, "cost": vapi},
	}
}
