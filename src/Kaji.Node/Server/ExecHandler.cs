using Kaji.Engine;
using Kaji.Node.Streaming;
using Kaji.Node.Streaming.Spdy;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Server;

/// <summary><c>/exec/NAMESPACE/POD/CONTAINER</c> and <c>/attach/…</c>: finds the container, agrees on a protocol, then leaves the connection to <see cref="ExecRelay"/>.</summary>
internal sealed class ExecHandler(IPodDirectory pods, IContainerRuntime runtime, NodeServerOptions options, TimeProvider time)
{
    public Task ExecAsync(HttpContext context, string ns, string pod, string container)
    {
        var command = context.Request.Query["command"].OfType<string>().ToArray();
        return command.Length == 0
            ? Answers.TextAsync(context, StatusCodes.Status400BadRequest, "you must specify at least 1 command")
            : StreamAsync(context, ns, pod, container, (place, choice, size, token) => runtime.OpenExecAsync(place.ContainerId!, command, choice.Tty, choice.Stdin, size, token));
    }

    public Task AttachAsync(HttpContext context, string ns, string pod, string container) =>
        StreamAsync(context, ns, pod, container, (place, choice, _, token) => runtime.OpenAttachAsync(place.ContainerId!, choice.Stdin, token));

    private async Task StreamAsync(HttpContext context, string ns, string pod, string container, Func<ContainerPlace, StreamChoice, (int, int)?, CancellationToken, Task<IStreamSession>> open)
    {
        if (pods.Find(ns, pod) is not { } place)
        {
            await Answers.TextAsync(context, StatusCodes.Status404NotFound, $"pod \"{pod}\" not found");
            return;
        }

        if (place.Container(container) is not { ContainerId: { } id } found || runtime.GetContainer(id) is not { State: ContainerState.Running })
        {
            await Answers.TextAsync(context, StatusCodes.Status500InternalServerError, $"container not found (\"{container}\")");
            return;
        }

        var choice = Choice(context.Request.Query);
        if (choice is { Stdin: false, Stdout: false, Stderr: false })
        {
            await Answers.TextAsync(context, StatusCodes.Status400BadRequest, "you must specify at least 1 of stdin, stdout, stderr");
            return;
        }

        await using var client = await AcceptAsync(context, choice);
        if (client is not null)
        {
            await new ExecRelay(client, time, options.OutputDrain).RunAsync((size, token) => open(found, choice, size, token), choice.Tty);
        }
    }

    private async Task<IRemoteClient?> AcceptAsync(HttpContext context, StreamChoice choice)
    {
        if (WebSocketUpgrade.IsRequested(context))
        {
            var offered = WebSocketUpgrade.Offered(context);
            var protocol = ChannelClient.Protocols.FirstOrDefault(offered.Contains);
            if (protocol is null && offered.Count > 0)
            {
                await Answers.TextAsync(context, StatusCodes.Status400BadRequest, $"none of the subprotocols {string.Join(", ", offered)} is known here; these are: {string.Join(", ", ChannelClient.Protocols)}");
                return null;
            }

            var client = new ChannelClient(await WebSocketUpgrade.AcceptAsync(context, protocol, options.KeepAlive), protocol, choice);
            await client.StartAsync();
            return client;
        }

        if (SpdyUpgrade.IsRequested(context))
        {
            if (await SpdyUpgrade.AcceptAsync(context, SpdyUpgrade.RemoteCommand) is not { } session)
            {
                return null;
            }

            try
            {
                return await SpdyClient.AcceptAsync(session, choice, options.StreamCreation, time);
            }
            catch
            {
                await session.DisposeAsync();
                throw;
            }
        }

        await Answers.TextAsync(context, StatusCodes.Status400BadRequest, "unable to upgrade: the request asks for neither WebSocket nor SPDY/3.1");
        return null;
    }

    private static StreamChoice Choice(IQueryCollection query)
    {
        var tty = Flag(query, "tty");
        return new StreamChoice(Flag(query, "input") || Flag(query, "stdin"), Flag(query, "output") || Flag(query, "stdout"), !tty && (Flag(query, "error") || Flag(query, "stderr")), tty);
    }

    private static bool Flag(IQueryCollection query, string name) => query[name].ToString() is "1" or "true" or "True";
}
