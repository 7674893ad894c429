using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Network.Dns;

/// <summary>
/// The cluster's DNS server: UDP and TCP on the node's Pod gateway (the Service kube-dns leads there). It opens its sockets when the informers have synced, so it
/// never denies a Service that exists.
/// </summary>
public sealed partial class ClusterDns : IComponent
{
    private const ushort Internet = 1;
    private readonly ClusterDnsOptions _options;
    private readonly IInformer<V1Service> _services;
    private readonly IInformer<V1EndpointSlice> _slices;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ClusterZone _zone;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ClusterDns(ClusterDnsOptions options, IInformer<V1Service> services, IInformer<V1EndpointSlice> slices, TimeProvider time, ILogger<ClusterDns> logger)
    {
        _options = options;
        _services = services;
        _slices = slices;
        _time = time;
        _logger = logger;
        _zone = new ClusterZone(options, services, slices);
    }

    public string Name => "cluster-dns";

    public Task Ready => _ready.Task;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await _services.WaitForSyncAsync(cancellationToken);
        await _slices.WaitForSyncAsync(cancellationToken);
        var upstreams = _options.Upstreams ?? DnsForwarder.ReadResolvConf(_options.ResolvConf, _options.Listen);
        using var forwarder = new DnsForwarder(_options, upstreams, _time);
        using var connections = new SemaphoreSlim(_options.MaxConnections, _options.MaxConnections);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sockets = new List<Socket>();
        try
        {
            var loops = new List<Task>();
            foreach (var endpoint in _options.Listen)
            {
                var udp = Bind(endpoint, SocketType.Dgram, ProtocolType.Udp, sockets);
                var tcp = Bind(endpoint, SocketType.Stream, ProtocolType.Tcp, sockets);
                tcp.Listen(64);
                loops.Add(ReceiveAsync(udp, forwarder, stop.Token));
                loops.Add(AcceptAsync(tcp, forwarder, connections, stop.Token));
            }

            Listening(string.Join(", ", _options.Listen), string.Join(", ", upstreams));
            _ready.TrySetResult();
            // A loop ends only by failing or by the stop.
            await await Task.WhenAny(loops);
        }
        finally
        {
            await stop.CancelAsync();
            sockets.ForEach(s => s.Dispose());
        }
    }

    private static Socket Bind(IPEndPoint endpoint, SocketType type, ProtocolType protocol, List<Socket> sockets)
    {
        var socket = new Socket(endpoint.AddressFamily, type, protocol);
        sockets.Add(socket);
        try
        {
            if (type == SocketType.Stream)
            {
                // A restarted server must not wait for its old connections' TIME_WAIT.
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            }

            socket.Bind(endpoint);
            return socket;
        }
        catch (SocketException e)
        {
            throw new InvalidOperationException($"The cluster's DNS cannot listen on {endpoint} ({protocol}): {e.Message}", e);
        }
    }

    private async Task ReceiveAsync(Socket socket, DnsForwarder forwarder, CancellationToken cancellationToken)
    {
        var buffer = GC.AllocateUninitializedArray<byte>(4096, pinned: true);
        var any = new IPEndPoint(IPAddress.Any, 0);
        while (true)
        {
            SocketReceiveFromResult received;
            try
            {
                received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any, cancellationToken);
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionRefused or SocketError.HostUnreachable)
            {
                continue; // An earlier answer's asker is gone.
            }

            var from = received.RemoteEndPoint;
            var message = buffer.AsSpan(0, received.ReceivedBytes);
            if (!DnsQuery.TryParse(message, out var query, out var error))
            {
                if (error is { } code)
                {
                    await SendAsync(socket, DnsWriter.Error(message, code), from, cancellationToken);
                }

                continue;
            }

            var limit = Math.Clamp(query!.EdnsSize, 512, 1232);
            if (Local(query, limit) is { } answer)
            {
                await SendAsync(socket, answer, from, cancellationToken);
                continue;
            }

            var copy = message.ToArray();
            _ = ForwardedAsync();

            async Task ForwardedAsync()
            {
                try
                {
                    var outside = await OutsideAsync(query, copy, forwarder, limit, cancellationToken);
                    await SendAsync(socket, outside.Length > Math.Max(query.EdnsSize, 512) ? DnsWriter.Truncated(query) : outside, from, cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    // Stopping: the asker tries again.
                }
                catch (ObjectDisposedException)
                {
                    // The same.
                }
            }
        }
    }

    private async Task SendAsync(Socket socket, byte[] answer, EndPoint to, CancellationToken cancellationToken)
    {
        try
        {
            await socket.SendToAsync(answer, SocketFlags.None, to, cancellationToken);
        }
        catch (SocketException e)
        {
            NotSent(to, e.Message);
        }
    }

    private async Task AcceptAsync(Socket listener, DnsForwarder forwarder, SemaphoreSlim connections, CancellationToken cancellationToken)
    {
        while (true)
        {
            await connections.WaitAsync(cancellationToken);
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync(cancellationToken);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionAborted)
            {
                connections.Release();
                continue;
            }

            _ = ServedAsync();

            async Task ServedAsync()
            {
                try
                {
                    await ServeAsync(socket, forwarder, cancellationToken);
                }
                catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
                {
                    ConnectionEnded(e.Message);
                }
                finally
                {
                    socket.Dispose();
                    if (!cancellationToken.IsCancellationRequested)
                    {
                        connections.Release();
                    }
                }
            }
        }
    }

    // Each message has its length in two bytes before it (RFC 7766); several may follow on one connection.
    private async Task ServeAsync(Socket socket, DnsForwarder forwarder, CancellationToken cancellationToken)
    {
        await using var stream = new NetworkStream(socket);
        var head = new byte[2];
        while (true)
        {
            using var idle = new CancellationTokenSource(_options.ConnectionIdle, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, cancellationToken);
            if (await stream.ReadAtLeastAsync(head, 2, throwOnEndOfStream: false, both.Token) < 2)
            {
                return;
            }

            var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
            await stream.ReadExactlyAsync(message, both.Token);
            byte[] answer;
            if (DnsQuery.TryParse(message, out var query, out var error))
            {
                answer = Local(query!, ushort.MaxValue) ?? await OutsideAsync(query!, message, forwarder, ushort.MaxValue, cancellationToken);
            }
            else if (error is { } code)
            {
                answer = DnsWriter.Error(message, code);
            }
            else
            {
                return;
            }

            var framed = new byte[answer.Length + 2];
            BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)answer.Length);
            answer.CopyTo(framed, 2);
            await stream.WriteAsync(framed, cancellationToken);
        }
    }

    private byte[]? Local(DnsQuery query, int limit)
    {
        if (query.Class != Internet)
        {
            return DnsWriter.Error(query, DnsCode.NotImplemented);
        }

        return _zone.Answer(query.Name, query.Type) is { Outside: null } answer ? Write(query, answer, limit) : null;
    }

    private async Task<byte[]> OutsideAsync(DnsQuery query, byte[] message, DnsForwarder forwarder, int limit, CancellationToken cancellationToken)
    {
        if (_zone.Answer(query.Name, query.Type) is not { Outside: { } target } alias)
        {
            return await forwarder.AskAsync(query, message, cancellationToken) ?? DnsWriter.Error(query, DnsCode.ServerFailure);
        }

        // An ExternalName: our CNAME, and behind it what the outside says of its target.
        var (asked, bytes) = QueryBuilder.Build(target, query.Type);
        if (await forwarder.AskAsync(asked, bytes, cancellationToken) is not { } answer || DnsRecord.ReadAll(answer) is not { } records)
        {
            return DnsWriter.Error(query, DnsCode.ServerFailure);
        }

        var found = records.Where(r => (r.Type == DnsType.A && r.DataLength == 4) || (r.Type == DnsType.Aaaa && r.DataLength == 16))
            .Select(r => new DnsData(r.Name, r.Type) { Address = new IPAddress(answer.AsSpan(r.DataOffset, r.DataLength)) }).Where(r => DnsName.IsWritable(r.Name));
        var aliases = records.Where(r => r.Type == DnsType.Cname).Select(r =>
        {
            var at = r.DataOffset;
            return new DnsData(r.Name, DnsType.Cname) { Target = DnsName.TryRead(answer, ref at, out var name) ? name : "" };
        }).Where(r => DnsName.IsWritable(r.Name) && DnsName.IsWritable(r.Target));
        return Write(query, alias with { Records = [.. alias.Records, .. aliases, .. found], Outside = null }, limit);
    }

    private byte[] Write(DnsQuery query, DnsAnswer answer, int limit) =>
        DnsWriter.Write(query, answer, _options.Domain, _options.Ttl, (uint)_time.GetUtcNow().ToUnixTimeSeconds(), limit);

    [LoggerMessage(3201, LogLevel.Information, "Cluster DNS listens on {Endpoints}, other names go to {Upstreams}")]
    private partial void Listening(string endpoints, string upstreams);

    [LoggerMessage(3202, LogLevel.Debug, "Answer to {To} not sent: {Reason}")]
    private partial void NotSent(EndPoint to, string reason);

    [LoggerMessage(3203, LogLevel.Debug, "Connection ended: {Reason}")]
    private partial void ConnectionEnded(string reason);
}
