// Package worker has what the workers in Go share: requests in, answers out.
package worker

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Request has the fields of a request, as matrix/worker.py has them.
type Request struct {
	ID        string
	Records   int
	Bootstrap string
	CA        string
	IsSHA512  bool
	IsToken   bool
	Name      string
	Secret    string
	File      string
}

const timeout = 60 * time.Second

// Serve calls roundTrip for each request; it returns the values that came back.
func Serve(roundTrip func(context.Context, *Request) ([]string, error)) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		request := parse(lines.Text())
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		values, err := roundTrip(ctx, request)
		cancel()
		if err == nil {
			err = request.check(values)
		}
		if err == nil {
			fmt.Println("ok")
		} else {
			fmt.Printf("error\t%s\n", strings.Join(strings.Fields(err.Error()), " "))
		}
	}
}

func parse(line string) *Request {
	fields := strings.Split(line, "\t")
	records, err := strconv.Atoi(fields[1])
	if err != nil {
		panic(err)
	}
	request := &Request{
		ID:        fields[0],
		Records:   records,
		Bootstrap: fields[2],
		IsSHA512:  fields[5] == "SCRAM-SHA-512",
		IsToken:   fields[6] == "tokenauth",
		Name:      fields[7],
		Secret:    fields[8],
		File:      fields[9],
	}
	if fields[3] == "SASL_SSL" {
		request.CA = fields[4]
	}
	return request
}

// Values are what is to be sent.
func (r *Request) Values() []string {
	values := make([]string, r.Records)
	for i := range values {
		values[i] = strconv.Itoa(i)
	}
	return values
}

// TLS is nil where the transport has none.
func (r *Request) TLS() (*tls.Config, error) {
	if r.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New(r.CA + ": no certificate")
	}
	return &tls.Config{RootCAs: roots}, nil
}

func (r *Request) check(values []string) error {
	if strings.Join(values, " ") != strings.Join(r.Values(), " ") {
		return fmt.Errorf("of the records came %v", values)
	}
	return nil
}
