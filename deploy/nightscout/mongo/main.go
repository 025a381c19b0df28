// Command mongo speaks MongoDB's protocol at a socket, and keeps what it is given in Postgres.
//
// It takes the path of the socket as its argument, and the address of Postgres from POSTGRES_URL.
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	// It warns of every error that it answers, such as that an index is of a new collection.
	errors := &slog.HandlerOptions{Level: slog.LevelError}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:      ferretdb.ListenerConfig{Unix: os.Args[1]},
		Logger:        slog.New(slog.NewTextHandler(os.Stderr, errors)),
		Handler:       "postgresql",
		PostgreSQLURL: os.Getenv("POSTGRES_URL"),
	})
	if err != nil {
		log.Fatal(err)
	}
	running, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := server.Run(running); err != nil {
		log.Fatal(err)
	}
}
