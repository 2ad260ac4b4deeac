package balancer

import (
	"net"
	"syscall"
	"unsafe"
)

// alive looks whether a connection that waits for its next request has met its
// end: a target that owes no answer has nothing to say, so whatever can be read
// (an end of file included) ends its use.
func alive(c net.Conn) bool {
	s, ok := rawConn(c)
	if !ok {
		return true
	}
	live := true
	err := s.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		live = n < 0 && (err == syscall.EAGAIN || err == syscall.EINTR)
		return true
	})
	return live && err == nil
}

// rawConn digs for the socket below TLS and tracking.
func rawConn(c net.Conn) (syscall.RawConn, bool) {
	for {
		if t, ok := c.(syscall.Conn); ok {
			s, err := t.SyscallConn()
			return s, err == nil
		}
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil, false
		}
		c = inner.NetConn()
	}
}

// unseen tells whether the target has certainly received nothing of what was
// written since mark: the connection was reset, and the target's system never
// acknowledged a byte of it. That is how a request ends that crosses the closing
// of an idle connection.
func unseen(c net.Conn, mark int64) bool {
	s, ok := rawConn(c)
	if !ok {
		return false
	}
	var info tcpInfo
	err := s.Control(func(fd uintptr) {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		ok = errno == 0 && size >= uint32(unsafe.Sizeof(info))
	})
	const closed = 7 // TCP_CLOSE in linux/tcp.h
	// The handshake's SYN counts as one byte.
	return err == nil && ok && info.state == closed && info.bytesAcked <= uint64(mark)+1
}

// tcpInfo is the beginning of struct tcp_info in linux/tcp.h.
type tcpInfo struct {
	state      uint8
	_          [119]byte
	bytesAcked uint64
}
