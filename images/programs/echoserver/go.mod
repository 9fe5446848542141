module example.org/echoserver

go 1.24
