package vapi

import (
	"math"
	"time"

	"github.com/tidwall/gjson"
)

// setReport reads what is told of the call's end. Vapi's description and its traffic differ here: durations, the
// summary, the transcript and the recordings are described in analysis and artifact, and many reports have them
// at the top of the message instead. The described place is read first. All of it may be missing: a call that was
// never answered has neither start nor transcript.
func (m *Message) setReport(e envelope) {
	artifact, analysis := e.get("artifact"), e.get("analysis")
	r := Report{
		StartedAt:         instantOf(first(e.get("startedAt"), member(e.call, "startedAt"))),
		EndedAt:           instantOf(first(e.get("endedAt"), member(e.call, "endedAt"))),
		Cost:              number(first(e.get("cost"), member(e.call, "cost"))),
		Summary:           text(first(member(analysis, "summary"), e.get("summary"))),
		Transcript:        text(first(member(artifact, "transcript"), member(e.get("transcript"), "text"), e.get("transcript"))),
		Success:           text(first(member(analysis, "successEvaluation"), e.get("successEvaluation"))),
		StructuredData:    object(first(member(analysis, "structuredData"), e.get("structuredData"))),
		StructuredOutputs: object(member(artifact, "structuredOutputs")),
		RecordingURL: text(first(member(artifact, "recording.mono.combinedUrl"), member(artifact, "recordingUrl"),
			e.get("recordingUrl"))),
		StereoRecordingURL: text(first(member(artifact, "recording.stereoUrl"), member(artifact, "stereoRecordingUrl"),
			e.get("stereoRecordingUrl"))),
		Transfers: transfers(member(artifact, "transfers")),
	}
	r.Duration = duration(e)
	if r.Duration == 0 && !r.StartedAt.IsZero() && r.EndedAt.After(r.StartedAt) {
		r.Duration = r.EndedAt.Sub(r.StartedAt)
	}
	m.Report = r
	if m.EndedReason == "" && (m.Type == TypeEndOfCallReport || m.Status == StatusEnded) {
		m.EndedReason = text(member(e.call, "endedReason"))
	}
}

// duration reads the undescribed duration fields, the most exact first; tutorials write "duration", in seconds.
func duration(e envelope) time.Duration {
	for _, f := range []struct {
		name string
		unit time.Duration
	}{
		{"durationMs", time.Millisecond},
		{"durationSeconds", time.Second},
		{"durationMinutes", time.Minute},
		{"duration", time.Second},
	} {
		d := number(e.get(f.name)) * float64(f.unit)
		if d > 0 && d < math.MaxInt64 {
			return time.Duration(d).Round(time.Millisecond)
		}
	}
	return 0
}

// transfers reads what became of each transfer of the call, in order.
// A call that was never transferred has no list, or an empty one.
func transfers(list gjson.Result) []TransferOutcome {
	var all []TransferOutcome
	for _, t := range list.Array() {
		all = append(all, TransferOutcome{
			Status: text(member(t, "status")),
			Number: text(first(member(t, "destination.number"), member(t, "destination.sipUri"))),
		})
	}
	return all
}

// number returns a JSON number's value, or zero for anything else.
func number(r gjson.Result) float64 {
	if r.Type != gjson.Number {
		return 0
	}
	return r.Num
}
