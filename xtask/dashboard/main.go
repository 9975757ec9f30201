// Checks a dashboard against Grafana's own definition of one: no field that Grafana does not know, none of
// the wrong type, none missing. The options of panels and the queries are checked like the rest.
//
//	go run . kafka-producer.json
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	plugins.RegisterDefaultPlugins()
	var read dashboard.Dashboard
	// An empty list of errors is returned, too.
	var found cog.BuildErrors
	if err := read.UnmarshalJSONStrict(raw); err != nil && !(errors.As(err, &found) && len(found) == 0) {
		return err
	}
	if err := read.Validate(); err != nil {
		return err
	}
	if len(read.Panels) == 0 {
		return errors.New("it has no panels")
	}
	fmt.Printf("%d panels are as Grafana defines them\n", len(read.Panels))
	return nil
}
