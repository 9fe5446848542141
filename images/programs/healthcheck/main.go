// Healthcheck asks a service whether it is well, and tells by its exit status:
// 0 when it is, 1 when it is not, 2 when the question is wrong.
//
//	healthcheck http://127.0.0.1:8080/healthz
//	healthcheck tcp://127.0.0.1:11211
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// errUsage marks questions that cannot be asked.
var errUsage = errors.New("usage: healthcheck [-timeout DURATION] http://HOST:PORT/PATH | tcp://HOST:PORT")

func main() {
	timeout := flag.Duration("timeout", 3*time.Second, "how long the service may take")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()

	err := check(ctx, flag.Args())
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "unhealthy:", err)
		os.Exit(1)
	}
}

func check(ctx context.Context, arguments []string) error {
	if len(arguments) != 1 {
		return errUsage
	}
	target, err := url.Parse(arguments[0])
	if err != nil || target.Host == "" {
		return errUsage
	}
	switch target.Scheme {
	case "http":
		return checkHTTP(ctx, target)
	case "tcp":
		return checkTCP(ctx, target.Host)
	default:
		return errUsage
	}
}

// checkHTTP wants a status of success; redirects are not followed, as they lead
// away from the service that was asked about.
func checkHTTP(ctx context.Context, target *url.URL) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return fmt.Errorf("%s: %s", response.Status, reason)
	}
	return nil
}

func checkTCP(ctx context.Context, address string) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return connection.Close()
}
