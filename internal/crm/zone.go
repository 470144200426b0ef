package crm

import (
	"context"
	"fmt"
	"time"

	"github.com/hookswitch/hookswitch/internal/salesforce"
)

// Zone is the org's time zone: "today" is the org's day. Until Learn has been answered it is UTC.
func (d *Desk) Zone() *time.Location {
	if z := d.zone.Load(); z != nil {
		return z
	}
	return time.UTC
}

// Learn asks the org what never changes while it is in use: its time zone.
func (d *Desk) Learn(ctx context.Context) error {
	q, err := salesforce.Select("TimeZoneSidKey").From("Organization").Limit(1).Build()
	if err != nil {
		return fmt.Errorf("learn the org's time zone: %w", err)
	}
	rows, err := d.ask(ctx, q)
	if err != nil {
		return fmt.Errorf("learn the org's time zone: %w", err)
	}
	for _, r := range rows {
		z, err := time.LoadLocation(r.Text("TimeZoneSidKey"))
		if err != nil {
			return fmt.Errorf("learn the org's time zone: %w", err)
		}
		d.zone.Store(z)
	}
	return nil
}
