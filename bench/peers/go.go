// go: the usual echo server in Go, as articles on a worker pool have it. Frames of a 4-byte
// big-endian length.
//
//	go [--one-write] PORT WORKERS
//
// A goroutine a connection reads through a bufio.Reader. Each message is a task with a reply
// channel of its own, sent into a channel of 1024 from which a pool of 64 goroutines takes; the
// connection's goroutine waits for the reply, then writes its length and its payload, by two calls
// of Write, or with --one-write by one. The deadlines to read and to write are set for each
// message. At most 10,000 connections, and 1 MiB a message. WORKERS is GOMAXPROCS.
// BURN_US in the environment: so many microseconds of CPU time for each message.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	headerSize     = 4
	messageMax     = 1 << 20
	connectionsMax = 10000
	queueSize      = 1024
	poolSize       = 64
	readTimeout    = 30 * time.Second
	writeTimeout   = 10 * time.Second
)

type task struct {
	payload []byte
	reply   chan []byte
}

func threadTime() int64 {
	const clockThreadCPUTime = 3
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPUTime,
		uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// burn uses up CPU time of the thread, which the goroutine keeps meanwhile.
func burn(time time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	end := threadTime() + time.Nanoseconds()
	for threadTime() < end {
	}
}

func work(tasks <-chan task, burnTime time.Duration) {
	for task := range tasks {
		if burnTime > 0 {
			burn(burnTime)
		}
		task.reply <- task.payload
	}
}

func readMessage(reader io.Reader) ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(reader, header[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > messageMax {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	payload := make([]byte, size)
	_, err := io.ReadFull(reader, payload)
	return payload, err
}

func writeMessage(connection net.Conn, payload []byte) error {
	var header [headerSize]byte
	binary.BigEndian.PutUint32(header[:], uint32(len(payload)))
	if _, err := connection.Write(header[:]); err != nil {
		return err
	}
	_, err := connection.Write(payload)
	return err
}

func writeMessageAtOnce(connection net.Conn, payload []byte) error {
	frame := make([]byte, headerSize+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	copy(frame[headerSize:], payload)
	_, err := connection.Write(frame)
	return err
}

func serve(connection net.Conn, tasks chan<- task, write func(net.Conn, []byte) error) {
	defer connection.Close()
	reader := bufio.NewReader(connection)
	for {
		connection.SetReadDeadline(time.Now().Add(readTimeout))
		payload, err := readMessage(reader)
		if err != nil {
			return
		}
		task := task{payload, make(chan []byte, 1)}
		tasks <- task
		reply := <-task.reply
		connection.SetWriteDeadline(time.Now().Add(writeTimeout))
		if write(connection, reply) != nil {
			return
		}
	}
}

func accept(listener net.Listener, tasks chan<- task, write func(net.Conn, []byte) error) error {
	slots := make(chan struct{}, connectionsMax)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		select {
		case slots <- struct{}{}:
			go func() {
				serve(connection, tasks, write)
				<-slots
			}()
		default:
			connection.Close()
		}
	}
}

func main() {
	arguments := os.Args[1:]
	write := writeMessage
	if len(arguments) == 3 && arguments[0] == "--one-write" {
		write = writeMessageAtOnce
		arguments = arguments[1:]
	}
	if len(arguments) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go [--one-write] PORT WORKERS")
		os.Exit(64)
	}
	workers, _ := strconv.Atoi(arguments[1])
	burnTime, _ := strconv.Atoi(os.Getenv("BURN_US"))
	runtime.GOMAXPROCS(workers)
	tasks := make(chan task, queueSize)
	for i := 0; i < poolSize; i++ {
		go work(tasks, time.Duration(burnTime)*time.Microsecond)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+arguments[0])
	if err == nil {
		err = accept(listener, tasks, write)
	}
	fmt.Fprintln(os.Stderr, "go:", err)
	os.Exit(71)
}
