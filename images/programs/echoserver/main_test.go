package main

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(t *testing.T, method, path, body string) echo {
	t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("X-Colour", "green")
	recorder := httptest.NewRecorder()
	routes("here").ServeHTTP(recorder, request)
	if recorder.Code != 200 {
		t.Fatalf("%s %s: %d", method, path, recorder.Code)
	}
	var got echo
	if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEchoTellsTheRequest(t *testing.T) {
	got := ask(t, "POST", "/a/b?c=d", "hello")
	if got.Server != "here" || got.Method != "POST" || got.URL != "/a/b?c=d" || got.Body != "hello" || got.Cut {
		t.Errorf("got %+v", got)
	}
	if got.Headers.Get("X-Colour") != "green" {
		t.Errorf("headers: %v", got.Headers)
	}
}

func TestLongBodyIsCut(t *testing.T) {
	got := ask(t, "PUT", "/", strings.Repeat("x", maxBody+1))
	if len(got.Body) != maxBody || !got.Cut {
		t.Errorf("got %d bytes, cut: %v", len(got.Body), got.Cut)
	}
}

func TestHealth(t *testing.T) {
	recorder := httptest.NewRecorder()
	routes("here").ServeHTTP(recorder, httptest.NewRequest("GET", "/healthz", nil))
	if recorder.Code != 200 || recorder.Body.String() != "ok\n" {
		t.Errorf("%d %q", recorder.Code, recorder.Body)
	}
}
