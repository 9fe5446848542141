// Echoserver answers each request with a description of that request, in JSON:
// what arrived after all proxies in between had their hands on it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// maxBody is how many bytes of a request's body come back.
const maxBody = 64 << 10

// An echo is the description of one request.
type echo struct {
	Server  string      `json:"server"`
	Client  string      `json:"client"`
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	URL     string      `json:"url"`
	Proto   string      `json:"proto"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body,omitempty"`
	Cut     bool        `json:"cut,omitempty"`
}

func main() {
	address := flag.String("listen", ":8080", "where to listen")
	grace := flag.Duration("grace", 10*time.Second, "how long open requests may take when told to stop")
	flag.Parse()

	hostname, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr:              *address,
		Handler:           routes(hostname),
		ReadHeaderTimeout: 10 * time.Second,
	}

	told, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		<-told.Done()
		ctx, cancel := context.WithTimeout(context.Background(), *grace)
		defer cancel()
		stopped <- server.Shutdown(ctx)
	}()

	log.Printf("listening on %s", *address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-stopped; err != nil {
		log.Fatal(err)
	}
}

func routes(hostname string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		cut := len(body) > maxBody
		if cut {
			body = body[:maxBody]
		}
		log.Printf("%s %s %s", r.RemoteAddr, r.Method, r.URL)
		w.Header().Set("Content-Type", "application/json")
		answer := json.NewEncoder(w)
		answer.SetIndent("", "  ")
		answer.Encode(echo{
			Server:  hostname,
			Client:  r.RemoteAddr,
			Method:  r.Method,
			Host:    r.Host,
			URL:     r.URL.String(),
			Proto:   r.Proto,
			Headers: r.Header,
			Body:    string(body),
			Cut:     cut,
		})
	})
	return mux
}
