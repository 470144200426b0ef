package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/hookswitch/hookswitch/internal/journal"
)

// The local socket carries the commands of an operator on this machine to the server that has the database
// open:
//
//	GET  /w/{workspace}/intents?state=&call=&before=&limit=     GET /w/{workspace}/calls?limit=
//	GET  /w/{workspace}/intents/{id}                            GET /w/{workspace}/calls/{id}
//	GET  /w/{workspace}/intents/{id}/attempts                   GET /w/{workspace}/calls/{id}/export
//	POST /w/{workspace}/intents/{id}/retry                      GET /w/{workspace}/counts
//	POST /w/{workspace}/intents/{id}/discard {"why":…}
//
// Values travel as Go's encoding/json writes them: both ends are the same program. An error is its text.
// Who may open the socket may do everything; that is who runs the server, by the permissions of the file.

// sockets are the places of the socket of a database, the preferred first. Beside the database nobody else
// gets in; but the path of a socket has at most 103 bytes (sun_path of macOS; Linux has a few more), and some
// mounted folders hold no sockets. Then it is in a folder of the user's own below the temporary one, where
// everybody may make files: see private.
func sockets(database string) []string {
	if abs, err := filepath.Abs(database); err == nil {
		database = abs
	}
	beside := strings.TrimSuffix(database, filepath.Ext(database)) + ".sock"
	digest := sha256.Sum256([]byte(database))
	own := filepath.Join(os.TempDir(), "hookswitch-"+strconv.Itoa(os.Getuid()))
	return []string{beside, filepath.Join(own, hex.EncodeToString(digest[:8])+".sock")}
}

// own makes the folder of the second place, unless it is there and private.
func own(socket string) error {
	if err := os.Mkdir(filepath.Dir(socket), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return private(socket)
}

// private reports whether only its owner gets into the folder of a socket. A stranger who made it first, to
// answer in the server's place, has either left it open, which this refuses, or shut us out, which ends the
// connection. Only root enters all the same: root should not run the commands of somebody else's server.
// Windows has no such bits; there the temporary folder itself is the user's own.
func private(socket string) error {
	dir := filepath.Dir(socket)
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir() || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to others: remove it, or set its mode to 0700", dir)
	}
	return nil
}

// ListenLocal opens the socket of a database, which the caller must have locked: what an earlier server has
// left in its place is then nobody's, and is removed. Closing the listener leaves the file, as the lock's file
// is left: by then the next server may have put its own there.
func ListenLocal(ctx context.Context, database string) (net.Listener, error) {
	var all error
	for i, path := range sockets(database) {
		if i > 0 {
			if err := own(path); err != nil {
				all = errors.Join(all, err)
				continue
			}
		}
		l, err := listen(ctx, path)
		if err == nil {
			return l, nil
		}
		all = errors.Join(all, err)
	}
	return nil, fmt.Errorf("open the local socket: %w", all)
}

func listen(ctx context.Context, path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is in the way: it is no socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	// Until here the umask holds: without w nobody can connect. Windows goes by the folder's permissions.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// LocalHandler answers the local socket from b.
func LocalHandler(b *Book) http.Handler {
	mux := http.NewServeMux()
	// Commands that change something are answered in the same way as those that read.
	get := func(pattern string, f func(r *http.Request, q question) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			q, err := ask(r)
			var v any
			if err == nil {
				v, err = f(r, q)
			}
			tell(w, v, err)
		})
	}
	get("GET /w/{workspace}/intents", func(r *http.Request, q question) (any, error) {
		return b.Intents(r.Context(), q.filter)
	})
	get("GET /w/{workspace}/intents/{id}", func(r *http.Request, q question) (any, error) {
		return b.Intent(r.Context(), q.workspace, q.intent)
	})
	get("GET /w/{workspace}/intents/{id}/attempts", func(r *http.Request, q question) (any, error) {
		return b.Attempts(r.Context(), q.workspace, q.intent)
	})
	get("POST /w/{workspace}/intents/{id}/retry", func(r *http.Request, q question) (any, error) {
		return struct{}{}, b.Retry(r.Context(), q.workspace, q.intent)
	})
	get("POST /w/{workspace}/intents/{id}/discard", func(r *http.Request, q question) (any, error) {
		return b.Discard(r.Context(), q.workspace, q.intent, q.why)
	})
	get("GET /w/{workspace}/counts", func(r *http.Request, q question) (any, error) {
		return b.Counts(r.Context(), q.workspace)
	})
	get("GET /w/{workspace}/calls", func(r *http.Request, q question) (any, error) {
		return b.Calls(r.Context(), q.workspace, q.filter.Limit)
	})
	get("GET /w/{workspace}/calls/{call}", func(r *http.Request, q question) (any, error) {
		return b.Call(r.Context(), q.workspace, r.PathValue("call"))
	})
	get("GET /w/{workspace}/calls/{call}/export", func(r *http.Request, q question) (any, error) {
		doc, err := b.Export(r.Context(), q.workspace, r.PathValue("call"))
		return json.RawMessage(doc), err
	})
	return mux
}

// question is what a request asks; each of the answers uses its own fields.
type question struct {
	workspace string
	intent    journal.IntentID
	filter    journal.Filter
	why       string
}

// maxQuestion bounds the body of a question, in bytes.
const maxQuestion = 64 << 10

// ask reads a request. The first number that is none ends it: a command sends what it has checked before, so this is
// met by another version of the program alone.
func ask(r *http.Request) (q question, err error) {
	number := func(text string) int64 {
		if text == "" || err != nil {
			return 0
		}
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		return n
	}
	values := r.URL.Query()
	q.workspace = r.PathValue("workspace")
	q.intent = journal.IntentID(number(r.PathValue("id")))
	q.filter = journal.Filter{
		Workspace: q.workspace, Call: values.Get("call"),
		Before: journal.IntentID(number(values.Get("before"))), Limit: int(number(values.Get("limit"))),
	}
	for _, s := range values["state"] {
		q.filter.States = append(q.filter.States, journal.State(s))
	}
	if err == nil && r.ContentLength != 0 {
		var body struct {
			Why string `json:"why"`
		}
		err = json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxQuestion)).Decode(&body)
		q.why = body.Why
	}
	return q, err
}

// tell answers with v, or with the text of err. One status is enough for all errors: the command only shows the text.
func tell(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(encode(v)) // a command that has gone needs no answer
}
