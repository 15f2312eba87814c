// SPDX-License-Identifier: BSD-2-Clause
// pairs/run says what is spoken. A thread a connection, blocking sockets.
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import java.util.Random;

class Echo {
	static void echo(Socket peer)
	{
		byte[] data = new byte[50000];
		long count = 0;

		try (peer) {
			OutputStream out = peer.getOutputStream();
			for (int n; (n = peer.getInputStream().read(data)) > 0; count += n)
				out.write(data, 0, n);
			out.write((count + "\n").getBytes());
		} catch (IOException e) {
			e.printStackTrace();
		}
	}

	static void serve() throws IOException
	{
		ServerSocket server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());

		System.out.println(server.getLocalPort());
		for (;;) {
			Socket peer = server.accept();
			new Thread(() -> echo(peer)).start();
		}
	}

	static void talk(int port, int small, int large) throws IOException
	{
		Random dice = new Random();
		long total = 0;

		try (Socket peer = new Socket(InetAddress.getLoopbackAddress(), port)) {
			DataInputStream in = new DataInputStream(peer.getInputStream());
			peer.setTcpNoDelay(true);
			for (int i = 0; i < small + large; i++) {
				byte[] data = new byte[i < small ? 1 + i % 97 : 65536];
				byte[] back = new byte[data.length];
				dice.nextBytes(data);
				peer.getOutputStream().write(data);
				in.readFully(back);
				if (!Arrays.equals(data, back))
					throw new IOException("wrong bytes at " + total);
				total += data.length;
			}
			peer.shutdownOutput();
			if (!new String(in.readAllBytes()).equals(total + "\n"))
				throw new IOException("wrong count");
		}
		System.out.println("ok " + total);
	}

	public static void main(String[] args) throws IOException
	{
		if (args[0].equals("serve"))
			serve();
		else
			talk(Integer.parseInt(args[1]), Integer.parseInt(args[2]),
			     Integer.parseInt(args[3]));
	}
}
