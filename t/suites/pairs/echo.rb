# SPDX-License-Identifier: BSD-2-Clause
# pairs/run says what is spoken. A thread a connection.
require 'socket'

def serve
  server = TCPServer.new('127.0.0.1', 0)
  puts server.addr[1]
  $stdout.flush
  loop do
    Thread.new(server.accept) do |peer|
      count = 0
      begin
        loop do
          data = peer.readpartial(50_000)
          count += data.bytesize
          peer.write(data)
        end
      rescue EOFError
        peer.write("#{count}\n")
      end
      peer.close
    end
  end
end

def talk(port, small, large)
  sizes = Array.new(small) { |i| 1 + i % 97 } + Array.new(large, 65_536)
  total = 0
  TCPSocket.open('127.0.0.1', port) do |peer|
    peer.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    sizes.each do |size|
      data = Random.bytes(size)
      writer = Thread.new { peer.write(data) }
      abort "wrong bytes at #{total}" if peer.read(size) != data
      writer.join
      total += size
    end
    peer.close_write
    abort 'wrong count' if peer.read != "#{total}\n"
  end
  puts "ok #{total}"
end

ARGV[0] == 'serve' ? serve : talk(*ARGV[1..].map(&:to_i))
