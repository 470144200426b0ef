package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xchacha20poly1305"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keySize is the length of a key of the box, and of the key of its hash, in bytes.
const keySize = 32

// Box seals personal data and tokens at rest, and hashes what must be found again without
// being readable. The first key seals; every key opens, so that a key is rotated by putting a
// new one before it. Nonces are random and 192 bits long (XChaCha20-Poly1305): no count of
// uses has to be kept.
// It does not protect from who has the database and the key: it keeps what a backup, a copied file
// or a support bundle holds from being read.
type Box struct {
	aead tink.AEAD
	hash atomic.Pointer[[]byte] // the key of Hash, once DB.HashKey has read it
}

// OpenBox takes the keys, newest first, each 32 bytes in base64. With none it reads the one
// in keyFile, or makes that file, readable by the owner alone, and returns true: the caller
// should warn, since a copy of the folder then holds both the lock and the key.
func OpenBox(keys []string, keyFile string) (*Box, bool, error) {
	made := false
	if len(keys) == 0 {
		text, fresh, err := keyFromFile(keyFile)
		if err != nil {
			return nil, false, err
		}
		keys, made = []string{text}, fresh
	}
	m := keyset.NewManager()
	for i, text := range keys {
		id, err := addKey(m, text)
		if err != nil {
			return nil, false, fmt.Errorf("encryption_key %d: %w", i+1, err)
		}
		if i > 0 {
			continue
		}
		if err := m.SetPrimary(id); err != nil {
			return nil, false, fmt.Errorf("encryption_key: %w", err)
		}
	}
	h, err := m.Handle()
	if err != nil {
		return nil, false, fmt.Errorf("encryption_key: %w", err)
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, false, fmt.Errorf("encryption_key: %w", err)
	}
	return &Box{aead: a}, made, nil
}

// addKey puts one key in the keyset. Its number, which stands before each sealed value, is
// taken from the key itself, so that it is the same in every process and order of keys.
// Tink would draw it at random, and a value that one process sealed would name a key that no other
// one knows by that number.
func addKey(m *keyset.Manager, text string) (uint32, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != keySize {
		return 0, fmt.Errorf("want %d bytes in base64, as `openssl rand -base64 %d` prints them", keySize, keySize)
	}
	sum := sha256.Sum256(append([]byte("hookswitch key number\x00"), raw...))
	params, err := xchacha20poly1305.NewParameters(xchacha20poly1305.VariantTink)
	if err != nil {
		return 0, err
	}
	key, err := xchacha20poly1305.NewKey(secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), binary.BigEndian.Uint32(sum[:4]), params)
	if err != nil {
		return 0, err
	}
	return m.AddKey(key)
}

// keyFromFile reads the key of an operator who gave none, or makes it.
func keyFromFile(path string) (text string, made bool, err error) {
	if path == "" {
		return "", false, errors.New("encryption_key: none is given and no key file is named")
	}
	b, err := os.ReadFile(path)
	if err == nil {
		return string(b), false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("encryption_key: %w", err)
	}
	text = base64.StdEncoding.EncodeToString(randomKey())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", false, fmt.Errorf("encryption_key: %w", err)
	}
	if err := writeOnce(path, text+"\n"); err != nil {
		return "", false, fmt.Errorf("encryption_key: %w", err)
	}
	return text, true, nil
}

// writeOnce makes a file that must not exist yet, and has it on the disk before it returns:
// values sealed with a lost key are lost.
func writeOnce(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// randomKey is a new key for the box or for its hash.
func randomKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

// Seal encrypts plain and ties it to aad, the place where it is kept: a sealed value that is
// moved to another row does not open there.
func (b *Box) Seal(plain, aad []byte) ([]byte, error) { return b.aead.Encrypt(plain, aad) }

// Open is the reverse of Seal, with any of the keys.
func (b *Box) Open(sealed, aad []byte) ([]byte, error) { return b.aead.Decrypt(sealed, aad) }

// Hash is a keyed hash of parts, 22 characters long, the same for the life of the database.
// It stands for a telephone number in columns that are searched. It panics before DB.HashKey
// has been called: a hash without its key would never be found again.
func (b *Box) Hash(parts ...string) string {
	mac := hmac.New(sha256.New, *b.hash.Load())
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		// The length goes before each part: "ab", "c" and "a", "bc" are different people.
		mac.Write(size[:])
		mac.Write([]byte(p))
	}
	// 128 bits of it: enough that no two numbers there are share a hash.
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// hashKeyName is the setting that keeps the key of Hash, and what its seal is tied to.
const hashKeyName = "hash key"

// HashKey gives the box its hash key, which is random, made once for each database and kept
// there sealed. It is sealed anew each time, so that after a rotation the old key can go.
// It is a key of its own, and not the box's, so that a rotation changes no hash. The hash without
// a key would be no secret: there are few enough telephone numbers to try them all.
func (db *DB) HashKey(ctx context.Context, b *Box) error {
	if b.hash.Load() != nil {
		return nil
	}
	var key []byte
	err := db.Write(ctx, func(tx *Tx) error {
		sealed, err := setting(ctx, tx, hashKeyName)
		if err != nil {
			return err
		}
		if key = randomKey(); sealed != nil {
			if key, err = b.Open(sealed, []byte(hashKeyName)); err != nil {
				return errors.New("it does not open with encryption_key — give the key that this database was made with, after the new one")
			}
		}
		if sealed, err = b.Seal(key, []byte(hashKeyName)); err != nil {
			return err
		}
		return putSetting(ctx, tx, hashKeyName, sealed, time.Now().UnixMicro())
	})
	if err != nil {
		return fmt.Errorf("read hash key: %w", err)
	}
	b.hash.Store(&key)
	return nil
}
