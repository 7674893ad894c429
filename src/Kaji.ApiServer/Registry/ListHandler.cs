using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Kaji.Store;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// GET of a collection. Without selectors and in plain JSON the answer is the stored bytes, joined. Resource versions mean what
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions says.
/// </summary>
internal sealed class ListHandler(ObjectRegistry registry)
{
    private static readonly TimeSpan FutureWait = TimeSpan.FromSeconds(3);

    public async Task HandleAsync(HttpContext context, RequestInfo info, ResourceInfo resource)
    {
        var query = context.Request.Query;
        ListOptions.Validate(query, watch: false);
        var representation = Representation.Of(context.Request);
        var selection = Selection.Of(resource, info, query);
        var prefix = StorageKeys.Collection(StorageVersions.Of(resource), info.Namespace);
        var limit = Limit(query["limit"].ToString());
        var (revision, after) = await StartAsync(query, prefix, context.RequestAborted);

        var entries = new List<Entry>();
        var objects = new List<JsonObject>();
        RangeResult page;
        while (true)
        {
            page = registry.Store.Range(prefix, revision, limit == 0 ? 0 : limit - entries.Count, after);
            if (page.Compacted)
            {
                throw new ApiErrorException(query["continue"].Count > 0
                    ? ApiErrors.ContinueExpired(new ContinueToken(ContinueToken.Newest, after!).Encode())
                    : ApiErrors.Expired($"too old resource version: {revision} ({registry.Store.Revision})"));
            }

            await TakeAsync(page.Entries, selection, resource, representation, entries, objects, context.RequestAborted);
            if (page.Entries.Count > 0)
            {
                after = page.Entries[^1].Key;
            }

            revision = page.Revision;
            if (!page.More || limit == 0 || entries.Count >= limit)
            {
                break;
            }
        }

        var next = page.More ? new ContinueToken(page.Revision, after!).Encode() : null;
        var text = page.Revision.ToString(CultureInfo.InvariantCulture);
        if (objects.Count == 0 && representation.Form == Form.Object && StorageVersions.IsStored(resource))
        {
            await WriteStoredAsync(context, resource, entries, text, next, page.Remaining, selection.IsEverything);
            return;
        }

        await context.WriteNodeAsync(200, representation.List(resource, objects, text, next, page.Remaining, registry.Time.GetUtcNow()));
    }

    private static int Limit(string text)
    {
        if (text.Length == 0)
        {
            return 0;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var limit) && limit >= 0
            ? limit
            : throw new ApiErrorException(ApiErrors.BadRequest($"limit: Invalid value: \"{text}\": must be a number that is not negative"));
    }

    private async ValueTask TakeAsync(
        IReadOnlyList<Entry> page, Selection selection, ResourceInfo resource, Representation representation, List<Entry> entries, List<JsonObject> objects, CancellationToken cancellationToken)
    {
        if (resource.Custom is not null && !StorageVersions.IsStored(resource))
        {
            var read = await registry.ReadAsync(resource, page, cancellationToken);
            for (var i = 0; i < page.Count; i++)
            {
                if (selection.Matches(read[i]))
                {
                    entries.Add(page[i]);
                    objects.Add(read[i]);
                }
            }

            return;
        }

        var asStored = representation.Form == Form.Object && StorageVersions.IsStored(resource);
        foreach (var entry in page.Where(e => selection.IsEverything || selection.Matches(e)))
        {
            entries.Add(entry);
            if (!asStored)
            {
                objects.Add(StorageVersions.FromStorage(resource, ObjectCodec.Stored(entry.Value)));
            }
        }
    }

    /// <summary>The revision to read at (0 for the newest) and the key to start after.</summary>
    private async Task<(long Revision, string? After)> StartAsync(IQueryCollection query, string prefix, CancellationToken cancellationToken)
    {
        var (token, version, match) = (query["continue"].ToString(), query["resourceVersion"].ToString(), query["resourceVersionMatch"].ToString());
        if (token.Length > 0)
        {
            if (version.Length > 0 && version != "0")
            {
                throw new ApiErrorException(ApiErrors.BadRequest("specifying resource version is not allowed when using continue"));
            }

            var from = ContinueToken.Decode(token, prefix);
            return (from.Revision == ContinueToken.Newest ? 0 : from.Revision, from.After);
        }

        if (version is "" or "0")
        {
            return (0, null);
        }

        var wanted = ParseRevision(version);
        if (wanted > registry.Store.Revision)
        {
            await WaitForAsync(wanted, cancellationToken);
        }

        return (match == "Exact" ? wanted : 0, null);
    }

    internal static long ParseRevision(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision
            : throw new ApiErrorException(ApiErrors.BadRequest($"Invalid value: \"{text}\": resourceVersion must be a number"));

    /// <summary>A version from the future: another replica may have given it out; it is waited for a little.</summary>
    private async Task WaitForAsync(long wanted, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(FutureWait);
        using var watch = registry.Store.Watch("/", registry.Store.Revision);
        var events = new List<StoreEvent>();
        try
        {
            while (registry.Store.Revision < wanted && await watch.ReadAsync(events, limit.Token))
            {
                events.Clear();
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ApiErrorException(ApiErrors.Timeout($"Too large resource version: {wanted}, current: {registry.Store.Revision}", 1));
        }
    }

    private static async Task WriteStoredAsync(HttpContext context, ResourceInfo resource, List<Entry> entries, string revision, string? next, long remaining, bool counted)
    {
        var head = new StringBuilder($"{{\"kind\":\"{resource.ListKind}\",\"apiVersion\":\"{resource.ApiVersion}\",\"metadata\":{{\"resourceVersion\":\"{revision}\"");
        if (next is not null)
        {
            head.Append(CultureInfo.InvariantCulture, $",\"continue\":\"{next}\"");
            if (counted)
            {
                head.Append(CultureInfo.InvariantCulture, $",\"remainingItemCount\":{remaining}");
            }
        }

        head.Append("},\"items\":[");
        var start = Encoding.UTF8.GetBytes(head.ToString());
        var length = start.Length + 2 + Math.Max(0, entries.Count - 1) + entries.Sum(e => (long)e.Value.Length);
        context.Response.StatusCode = 200;
        context.Response.ContentType = ResponseWriting.Json;
        context.Response.ContentLength = length;
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        if (!Rendering.IsPlain(context.Request) || Audit.AuditRecord.Of(context) is { WantsResponse: true })
        {
            using var whole = new MemoryStream();
            await WriteAsync(PipeWriter.Create(whole), start, entries, context.RequestAborted);
            await context.WriteJsonAsync(200, whole.ToArray());
            return;
        }

        await using var compressed = Rendering.Compress(context, length);
        await WriteAsync(compressed is null ? context.Response.BodyWriter : PipeWriter.Create(compressed, new StreamPipeWriterOptions(leaveOpen: true)), start, entries, context.RequestAborted);
    }

    private static async Task WriteAsync(PipeWriter body, byte[] start, List<Entry> entries, CancellationToken cancellationToken)
    {
        await body.WriteAsync(start, cancellationToken);
        var unflushed = 0;
        for (var i = 0; i < entries.Count; i++)
        {
            if (i > 0)
            {
                body.GetSpan(1)[0] = (byte)',';
                body.Advance(1);
            }

            var value = entries[i].Value;
            value.Span.CopyTo(body.GetSpan(value.Length));
            body.Advance(value.Length);
            unflushed += value.Length;
            if (unflushed > 64 * 1024)
            {
                await body.FlushAsync(cancellationToken);
                unflushed = 0;
            }
        }

        "]}"u8.CopyTo(body.GetSpan(2));
        body.Advance(2);
        await body.FlushAsync(cancellationToken);
    }
}
