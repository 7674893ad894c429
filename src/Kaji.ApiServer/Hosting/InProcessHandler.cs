using System.IO.Pipelines;
using System.Net;
using Kaji.ApiServer.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Kaji.ApiServer.Hosting;

/// <summary>
/// The API server without a socket, for the loops of the same process: the same pipeline, authorization and admission as for a remote client, as the given user.
/// A response is handed over when its first byte is flushed, so that a watch streams.
/// </summary>
internal sealed class InProcessHandler(RequestDelegate pipeline, UserInfo user) : HttpMessageHandler
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var context = new DefaultHttpContext();
        var exchange = new Exchange(context, cancellationToken);
        context.Features.Set(new TrustedUserFeature(user));
        context.Features.Set<IHttpResponseBodyFeature>(exchange);
        context.Features.Set<IHttpRequestLifetimeFeature>(exchange);
        Fill(context.Request, request, body);
        _ = exchange.RunAsync(pipeline);
        await exchange.Started;

        var response = new HttpResponseMessage((HttpStatusCode)context.Response.StatusCode) { RequestMessage = request, Content = new StreamContent(exchange.Reader) };
        foreach (var (name, values) in context.Response.Headers)
        {
            if (!response.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                response.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return response;
    }

    private static void Fill(HttpRequest to, HttpRequestMessage from, byte[] body)
    {
        var uri = from.RequestUri!;
        to.Method = from.Method.Method;
        to.Scheme = "https";
        to.Host = new HostString("in-process");
        to.Path = PathString.FromUriComponent(uri);
        to.QueryString = QueryString.FromUriComponent(uri);
        to.Protocol = "HTTP/1.1";
        foreach (var (name, values) in from.Headers)
        {
            to.Headers[name] = values.ToArray();
        }

        if (from.Content is not null)
        {
            to.ContentType = from.Content.Headers.ContentType?.ToString();
            to.ContentLength = body.Length;
            to.Body = new MemoryStream(body, writable: false);
        }
    }

    /// <summary>One request's response body and lifetime.</summary>
    private sealed class Exchange : IHttpResponseBodyFeature, IHttpRequestLifetimeFeature
    {
        private readonly Pipe _pipe = new();
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _aborted;
        private readonly HttpContext _context;

        public Exchange(HttpContext context, CancellationToken cancellationToken)
        {
            _context = context;
            _aborted = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            RequestAborted = _aborted.Token;
            Writer = new StartingWriter(_pipe.Writer, _started);
            Stream = Writer.AsStream();
            Reader = new AbortingStream(_pipe.Reader.AsStream(), _aborted);
        }

        public Task Started => _started.Task;

        public Stream Reader { get; }

        public Stream Stream { get; }

        public PipeWriter Writer { get; }

        public CancellationToken RequestAborted { get; set; }

        public async Task RunAsync(RequestDelegate pipeline)
        {
            Exception? failure = null;
            try
            {
                await pipeline(_context);
            }
            catch (Exception e)
            {
                failure = e;
            }

            await _pipe.Writer.CompleteAsync(failure);
            _started.TrySetResult();
        }

        public void Abort() => _aborted.Cancel();

        public void DisableBuffering()
        {
        }

        public Task StartAsync(CancellationToken cancellationToken = default)
        {
            _started.TrySetResult();
            return Task.CompletedTask;
        }

        public async Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
            await SendFileFallback.SendFileAsync(Stream, path, offset, count, cancellationToken);

        public async Task CompleteAsync()
        {
            await _pipe.Writer.CompleteAsync();
            _started.TrySetResult();
        }
    }

    /// <summary>Tells when the first bytes are flushed: by then status and headers are set.</summary>
    private sealed class StartingWriter(PipeWriter inner, TaskCompletionSource started) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            started.TrySetResult();
            return inner.FlushAsync(cancellationToken);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);
    }

    /// <summary>The reader's end: giving it up ends the request.</summary>
    private sealed class AbortingStream(Stream inner, CancellationTokenSource aborted) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException("a response has no length");

        public override long Position
        {
            get => throw new NotSupportedException("a response has no position");
            set => throw new NotSupportedException("a response has no position");
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => inner.ReadAsync(buffer, offset, count, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a response can't be sought in");

        public override void SetLength(long value) => throw new NotSupportedException("a response is read only");

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("a response is read only");

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                aborted.Cancel();
                inner.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
