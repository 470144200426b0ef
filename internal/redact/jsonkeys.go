package redact

// modeOf says what becomes of the value of a key in an object that is the value of parent.
//
// Credentials are known by the ends of their names, so that twilioAuthToken, X-Vapi-Secret and
// serverUrlSecret need no list. Vapi puts its customers' credentials and prompts into its messages
// (phoneNumber, assistant.model.messages, server.headers).
func modeOf(key, parent string) mode {
	if len(key) < 3 || len(key) > 40 {
		return asText
	}
	var buf [40]byte
	n := 0
	for i := range len(key) {
		if c := key[i]; c != '_' && c != '-' {
			if c >= 'A' && c <= 'Z' {
				c |= 0x20
			}
			buf[n] = c
			n++
		}
	}
	name := buf[:n]
	for _, end := range credentialEnds {
		if hasEnd(name, end) {
			return asSecret
		}
	}
	switch string(name) {
	case "headers", "controlurl", "listenurl": // whoever has a control URL has the call
		return asSecret
	case "messages":
		if parent == "model" {
			return asPrompt
		}
	case "systemprompt", "prompt", "systemmessage":
		return asPrompt
	case "cvv", "cvc", "cvv2", "cvc2", "csc", "cvn", "cardcode", "securitycode", "cardsecuritycode", "verificationcode":
		return asCVV
	case "ssn", "socialsecuritynumber", "socialsecurity":
		return asSSN
	case "cardnumber", "creditcard", "creditcardnumber", "debitcard", "pan", "ccnumber", "cardno":
		return asCard
	case "word", "punctuatedword":
		return asWord
	}
	return asText
}

// credentialEnds end the names of credentials, without hyphens and underscores.
var credentialEnds = [...]string{
	"secret", "password", "passwd", "passphrase", "token", "apikey", "accesskey", "privatekey", "secretkey", "authkey",
	"authorization", "cookie", "bearer",
}

func hasEnd(name []byte, end string) bool {
	n, m := len(name), len(end)
	return n >= m && name[n-1] == end[m-1] && string(name[n-m:]) == end
}

// byMode masks a value by what its key says it is, if it has figures enough; "" leaves it to be read as text.
func byMode(text string, m mode) string {
	if ownMask(text) == len(text) {
		return ""
	}
	var f finder
	f.reset(text)
	f.scan(0, len(text))
	figures := len(f.digits)
	switch {
	case m == asCVV && figures >= 3 && figures <= 4:
		return maskCVV
	case m == asSSN && (figures == 9 || figures == 4):
		return maskSSN
	case m == asCard && figures >= 12 && figures <= maxDigits:
		return "[card •••• " + string(f.digits[figures-4:]) + "]"
	case m == asWord && f.numberSeen:
		return "•"
	}
	return ""
}
