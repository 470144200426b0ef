package redact

import (
	"strings"
	"testing"
)

// mission-part: A.8
//
// TestTextMasksWhatIsNeverKept: written, spoken, mixed.
func TestTextMasksWhatIsNeverKept(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// Cards: schemes and lengths.
		{"4111111111111111", "[card •••• 1111]"},
		{"my card is 4111 1111 1111 1111, thanks", "my card is [card •••• 1111], thanks"},
		{"4111-1111-1111-1111.", "[card •••• 1111]."},
		{"4111.1111.1111.1111", "[card •••• 1111]"},
		{"4111, 1111, 1111, 1111", "[card •••• 1111]"},
		{"4111\u00a01111\u20111111\u20131111", "[card •••• 1111]"},
		{"4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card •••• 1111]"},
		{"card=4111+1111+1111+1111&x=1", "card=[card •••• 1111]&x=1"},
		{"4111%201111%201111%201111", "[card •••• 1111]"},
		{"٤١١١ ١١١١ ١١١١ ١١١١", "[card •••• 1111]"},
		{"pan4111111111111111", "[card •••• 1111]"},
		{"5555555555554444", "[card •••• 4444]"},
		{"2223 0031 2200 3222", "[card •••• 3222]"},
		{"3782 822463 10005", "[card •••• 0005]"},
		{"30569309025904", "[card •••• 5904]"},
		{"6011000990139424", "[card •••• 9424]"},
		{"3530111333300000", "[card •••• 0000]"},
		{"6759 6498 2643 8453", "[card •••• 8453]"},
		{"4222222222222", "[card •••• 2222]"},
		{"6304 0000 0000 0000 000", "[card •••• 0000]"},
		{"4000 0000 0000 0000 006", "[card •••• 0006]"},
		// Spoken.
		{"four one one one one one one one one one one one one one one one", "[card •••• 1111]"},
		{"Four, one, one, one. One one one one. One one one one. One one one one.", "[card •••• 1111]."},
		{"it's forty one eleven eleven eleven eleven eleven eleven eleven okay", "it's [card •••• 1111] okay"},
		{"five five double five triple five five five five five five double four double four", "[card •••• 4444]"},
		{"four one double one uh one one one one um then one one one one and one one one one", "[card •••• 1111]"},
		{
			"for one one one one one one one one one one one one one one one four one one one one one one one one one one one one one one one",
			"for one one one one one one one one one one one one one one one [card •••• 1111]",
		},
		{"four thousand one hundred eleven 1111 1111 one one one one", "[card •••• 1111]"},
		{"4111 one one one one 1111 eleven eleven", "[card •••• 1111]"},
		{"four won won won 1111 1111 1111", "[card •••• 1111]"},
		{"six oh one one oh oh oh nine nine oh one three nine four two four", "[card •••• 9424]"},
		// A digit lost in recognition.
		{"my credit card number is 4111 1111 1111 111", "my credit card number is [card •••• 1111]"},
		// What is said straight after a card.
		{"4111 1111 1111 1111 12/26 123", "[card •••• 1111] [cvv]"},
		{"4111 1111 1111 1111, one two three", "[card •••• 1111], [cvv]"},
		// Social security numbers.
		{"123-45-6789", "[ssn]"},
		{"SSN: 123 45 6789", "SSN: [ssn]"},
		{"my social is 123456789 and my phone is 415-555-0100", "my social is [ssn] and my phone is 415-555-0100"},
		{"social security number one two three four five six seven eight nine", "social security number [ssn]"},
		{"it's one two three, forty five, sixty seven eighty nine, that's my social", "it's [ssn], that's my social"},
		// Codes.
		{"the cvv is 123", "the cvv is [cvv]"},
		{"CVV2: 1234", "CVV2: [cvv]"},
		{"cvv123", "[cvv]"},
		{"security code one two three", "security code [cvv]"},
		{"the three digits on the back are three hundred and twelve", "the three digits on the back are [cvv]"},
		{"double five one is my c v c, I mean cvc", "double five one is my c v c, I mean cvc"}, // too far off
		{"double five one is the cvc", "[cvv] is the cvc"},
		{"cvv 123, case 00001026", "cvv [cvv], case 00001026"},
		// Bank accounts.
		{"IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [iban] please"},
		{"gb82west12345698765432", "[iban]"},
		// Keys.
		{"use sk_live_4eC39HqLyjWDarjtT1zdp7dc now", "use [key] now"},
		{"AKIAIOSFODNN7EXAMPLE", "[key]"},
		{"Authorization: Bearer 00D5g000004abcd!AQEAQNw", "Authorization: Bearer [key]"},
		{"00D5g000004abcd!AQEAQNwT1pJ0yHkq3vXnZ.c_8rQw", "[key]"},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "[key]"},
		{"-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----\nbye", "[key]\nbye"},
		{"?api_key=abcdef123456&x=1", "?api_key=[key]&x=1"},
		{"password: hunter2hunter2", "password: [key]"},
		{"ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[key]"},
		// Over turns of a transcript.
		{"AI: Your card number?\nUser: 4111 1111\nAI: Mm-hmm.\nUser: 1111 1111\nAI: Thanks.", "AI: Your card number?\nUser: [card]\nAI: Mm-hmm.\nUser: [card •••• 1111]\nAI: Thanks."},
		{"AI: And the security code?\nUser: one two three\n", "AI: And the security code?\nUser: [cvv]\n"},
	} {
		if got := Text(c.in); got != c.want {
			t.Errorf("%q:\ngot  %q\nwant %q", c.in, got, c.want)
		}
	}
}

// mission-part: A.8
//
// TestTextKeepsWhatIsNeeded: what a call is about must survive.
func TestTextKeepsWhatIsNeeded(t *testing.T) {
	for _, s := range []string{
		"", "a", "12",
		"+15550100142", "+1 415 555 0100", "+49 1511 2345678", "plus four four seven nine one one one two three four five six",
		"+4915112345678", "(415) 555-0100", "415-555-0100", "415.555.0100", "call 4155550100 or 212 555 0123",
		"415 555 0100 212 555 0123", "four one five five five five oh one zero zero",
		"case 00001026 is open", "order SF-10293", "order number 10293-4455", "invoice 2026-000123",
		"$450,000", "450k budget", "an amount of 1,250,000.00 USD", "two hundred thousand dollars",
		"500Hs00001AbCdEIAV", "003000000000001AAA", "00Q5g00000abcdEFAQ", "5015000000000000AAA",
		"0198b3a2-6c1e-7aa0-9f51-3d0c5a7e9b10", "11111111-1111-1111-1111-111111111111",
		"CA00000000000000000000000000000001", "AC00000000000000000000000000000001",
		"0.4111111111111111", "aA4222222222222CAA", "DE88 3704 0044 0532 0130 00", // a fraction, a record's id, a wrong IBAN
		"602 555 0100 104 555 0123", // two telephones; sixteen of their digits would pass for a card
		"1787270400000", "2026-08-21T00:00:17.430Z", "2026-08-21 10:15:30.123456", "0.5123456789012345", "at 10:15 on 8/21/2026",
		"call_Xk2vQ0m1rT9sLw3bC5dE7fGh", "Tuesday at ten", "one moment please", "I have two cards and one code",
		"the code is great value for the number one team", "order 123456789", "account 4532", "we closed one hundred and five deals",
		"the card ending in 1111", "Basic understanding of bearer bonds", "sk_1", "a security update in 2026", "the token was lost", "keyboard: mechanical-one",
		"https://storage.vapi.ai/0198b3a2-6c1e-7aa0-9f51-3d0c5a7e9b10-1787270461000-11111111-1111-1111-1111-111111111111-mono.wav",
		"4111 1111 1111 1112", // no valid check digit, and nothing says card
		"AI: Case 00001026 is in progress.\nUser: And order 4521?\nAI: Shipped on 8/21.\nUser: 415 555 0100 is my number.",
	} {
		if got := Text(s); got != s {
			t.Errorf("got  %q\nwant %q", got, s)
		}
	}
}

// TestTextTwiceIsTextOnce over every case above and their joins.
func TestTextTwiceIsTextOnce(t *testing.T) {
	cases := []string{
		"cvv 4111 1111 1111 1111 123 then 456", "123 cvv 456 cvv 789", "4222222222222 4111111111111111", "ssn 123456789 987654321",
		"4111 1111 1111 1111 four one one", strings.Repeat("4111 1111 1111 1111 ", 5), "social cvv one two three four",
		"[card •••• 4111 1111 1111 1111]", "[card •••• 1111] 123", "[cvv] 123",
	}
	for _, s := range cases {
		once := Text(s)
		if twice := Text(once); twice != once {
			t.Errorf("%q:\nonce  %q\ntwice %q", s, once, twice)
		}
	}
}
