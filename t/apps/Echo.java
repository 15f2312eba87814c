// SPDX-License-Identifier: BSD-2-Clause
// An echo server on one Selector; clients with a thread to write and one to
// read, each on a SocketChannel or a Socket.
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;

class Echo {
	static void serve(InetSocketAddress address) throws Exception
	{
		Selector selector = Selector.open();
		ServerSocketChannel listener = ServerSocketChannel.open();

		listener.bind(address);
		listener.configureBlocking(false);
		listener.register(selector, SelectionKey.OP_ACCEPT);
		for (;;) {
			selector.select();
			for (SelectionKey key : selector.selectedKeys()) {
				if (key.isAcceptable())
					accept(listener, selector);
				else
					echoOrClose(key);
			}
			selector.selectedKeys().clear();
		}
	}

	static void accept(ServerSocketChannel listener, Selector selector)
		throws Exception
	{
		SocketChannel channel = listener.accept();

		if (channel == null)
			return;
		channel.configureBlocking(false);
		channel.register(selector, SelectionKey.OP_READ, ByteBuffer.allocateDirect(20000));
	}

	// A client that dials again, plainly, resets the first connection.
	static void echoOrClose(SelectionKey key) throws Exception
	{
		try {
			echo(key);
		} catch (IOException e) {
			key.channel().close();
		}
	}

	static void echo(SelectionKey key) throws Exception
	{
		SocketChannel channel = (SocketChannel)key.channel();
		ByteBuffer buffer = (ByteBuffer)key.attachment();
		int got = key.isReadable() ? channel.read(buffer) : 0;

		buffer.flip();
		channel.write(buffer);
		if (got < 0 && !buffer.hasRemaining()) {
			channel.close();
			return;
		}
		key.interestOps((buffer.hasRemaining() ? SelectionKey.OP_WRITE : 0) |
				(got >= 0 && buffer.remaining() < 10000 ? SelectionKey.OP_READ : 0));
		if (got < 0)
			key.interestOps(SelectionKey.OP_WRITE);
		buffer.compact();
	}

	static byte[] bytes(int seed, int size)
	{
		byte[] all = new byte[size];

		new Random(seed).nextBytes(all);
		return all;
	}

	static long talk(InetSocketAddress address, int number, int size) throws Exception
	{
		Socket socket;
		byte[] all = bytes(number, size), got;

		if (number % 2 == 0) {
			socket = SocketChannel.open(address).socket();
		} else {
			socket = new Socket(address.getAddress(), address.getPort());
		}
		OutputStream out = socket.getOutputStream();
		Thread writer = new Thread(() -> {
			try {
				for (int at = 0; at < size; at += 7001)
					out.write(all, at, Math.min(7001, size - at));
				socket.shutdownOutput();
			} catch (Exception e) {
				e.printStackTrace();
			}
		});
		writer.start();
		got = socket.getInputStream().readAllBytes();
		writer.join();
		socket.close();
		return Arrays.equals(got, all) ? size : -1;
	}

	public static void main(String[] args) throws Exception
	{
		InetSocketAddress address =
			new InetSocketAddress(args[1], Integer.parseInt(args[2]));

		if (args[0].equals("server")) {
			serve(address);
			return;
		}
		int connections = Integer.parseInt(args[3]), size = Integer.parseInt(args[4]);
		AtomicLong total = new AtomicLong();
		Thread[] threads = new Thread[connections];

		for (int i = 0; i < connections; i++) {
			int number = i;

			threads[i] = new Thread(() -> {
				try {
					total.addAndGet(talk(address, number, size));
				} catch (Exception e) {
					e.printStackTrace();
				}
			});
			threads[i].start();
		}
		for (Thread thread : threads)
			thread.join();
		System.out.println(connections + " connections, " + total + " bytes, " +
			(total.get() == (long)connections * size ? "all right" : "some wrong"));
	}
}
