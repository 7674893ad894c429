using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Operator;

/// <summary>Layer 3's controllers over one set of informers. It needs nothing but the Kubernetes API and runs against any.</summary>
public sealed class BotOperator : IComponent, IDisposable
{
    private readonly InformerFactory _factory;
    private readonly BotInformers _informers;
    private readonly EventRecorder _events;
    private readonly ProbeBook _probes;
    private readonly Controller[] _controllers;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public BotOperator(IApiClient client, OperatorOptions options, TimeProvider time, ILoggerFactory logging)
    {
        _factory = new InformerFactory(client, time, logging);
        _informers = new BotInformers(_factory);
        _events = new EventRecorder(client, "bot-operator", null, time, logging);
        _probes = new ProbeBook(client, time, logging.CreateLogger<ProbeBook>());
        var figures = new FigureBook(time, _probes);
        var halts = new HaltBook();
        halts.Follow(_informers.Halts);
        _informers.Index();
        _controllers =
        [
            new BotController(client, _informers, halts, new LeaseBook(options.Clock), figures, _events, options, time, logging),
            new AccountController(client, _informers, figures, halts, _events, time, logging),
            new HaltController(client, _informers, time, logging),
            new FleetController(client, _informers, _events, time, logging),
        ];
    }

    public string Name => "bot-operator";

    public Task Ready => _ready.Task;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var informers = _factory.RunAsync(cancellationToken);
        await _factory.WaitForSyncAsync(cancellationToken);
        _ready.TrySetResult();
        await Task.WhenAll([informers, _events.RunAsync(cancellationToken), .. _controllers.Select(c => c.RunAsync(cancellationToken))]);
    }

    public void Dispose()
    {
        _probes.Dispose();
        foreach (var controller in _controllers)
        {
            controller.Dispose();
        }
    }
}
