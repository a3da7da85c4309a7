package main

import (
	"fmt"
	"html/template"
	"log"
	"net/http"
	"time"
)

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Hello from Go</title>
</head>
<body>
  <h1>Hello, {{.Name}}</h1>
  <p>It is {{.Time}} here. <a href="/?name=gopher">Say it to the gopher</a>, or see <a href="/trains">the trains</a>.</p>
</body>
</html>
`))

func hello(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "world"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	page.Execute(w, map[string]string{"Name": name, "Time": time.Now().Format("15:04")})
}

func trains(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintln(w, "<!doctype html><html><head><title>Trains</title></head><body><h1>Trains</h1><ul>")
	for i, town := range []string{"Halden", "Sarpsborg", "Oslo S"} {
		fmt.Fprintf(w, "<li>09:%02d %s</li>\n", 7+13*i, town)
	}
	fmt.Fprintln(w, "</ul><a href=/>back</a></body></html>")
}

func main() {
	http.HandleFunc("/{$}", hello)
	http.HandleFunc("/trains", trains)
	fmt.Println("listening on :8080")
	log.Fatal(http.ListenAndServe(":8080", nil))
}
