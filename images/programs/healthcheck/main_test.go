package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/well", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/ill", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no database", http.StatusServiceUnavailable)
	})
	mux.Handle("/moved", http.RedirectHandler("/well", http.StatusFound))
	server := httptest.NewServer(mux)
	defer server.Close()
	address := server.Listener.Addr().String()

	for _, row := range []struct {
		target  string
		problem string
	}{
		{"http://" + address + "/well", ""},
		{"http://" + address + "/ill", "503 Service Unavailable: no database"},
		{"http://" + address + "/moved", "302 Found"},
		{"tcp://" + address, ""},
		{"tcp://127.0.0.1:1", "refused"},
	} {
		err := check(context.Background(), []string{row.target})
		if row.problem == "" && err != nil {
			t.Errorf("%s: %v", row.target, err)
		}
		if row.problem != "" && (err == nil || !strings.Contains(err.Error(), row.problem)) {
			t.Errorf("%s: want %q, got %v", row.target, row.problem, err)
		}
	}
}

func TestWrongQuestions(t *testing.T) {
	for _, arguments := range [][]string{{}, {"a", "b"}, {"127.0.0.1:80"}, {"ftp://host/"}, {"http://"}} {
		if err := check(context.Background(), arguments); !errors.Is(err, errUsage) {
			t.Errorf("%q: want the usage, got %v", arguments, err)
		}
	}
}
